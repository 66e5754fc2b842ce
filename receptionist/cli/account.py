"""`receptionist account`."""

from __future__ import annotations

from typing import Any, Literal

import click

from receptionist.cli.base import Number, account_option, in_account, ready
from receptionist.text import counted

COUNTRY = "Where phone numbers without a country code are from: two letters, such as DE."


@click.group()
def account() -> None:
    """Businesses on this installation."""


@account.command("add")
@click.argument("name")
@click.option("--timezone", default="UTC", show_default=True, help="IANA name, such as Europe/Berlin.")
@click.option("--country", help=COUNTRY)
def account_add(name: str, timezone: str, country: str | None) -> None:
    """Add a business."""
    from receptionist.services import accounts

    parts, _ = ready()
    with parts.database.begin() as connection:
        accounts.create(connection, name, timezone, country)
    click.echo(f"Account {name} is there. Next: receptionist strategy create, receptionist line add.")


class _Credits(Number):
    """A number of turns, or "none"."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return "none" if str(value).lower() == "none" else super().convert(value, param, ctx)


@account.command("credits")
@click.argument(
    "amount",
    type=_Credits("write a number of turns from 1 to 100000000, such as 500, or none, not {}", min=1, max=10**8),
)
@account_option
def account_credits(amount: int | Literal["none"], account: str | None) -> None:
    """Add AMOUNT turns to an account; from the first time on its turns are counted. AMOUNT may be none: they are not
    counted any more, and what is left goes."""
    from receptionist.services import accounts

    with in_account(account) as (_, _, scope):
        if amount == "none":
            accounts.stop_counting(scope)
            click.echo("Turns are not counted.")
        else:
            balance = accounts.add_credits(scope, amount, "added by the operator")
            click.echo(f"{counted(balance, 'turn')} left.")


@account.command("list")
def account_list() -> None:
    """List the businesses."""
    from receptionist.services import accounts

    parts, _ = ready()
    with parts.database.read() as connection:
        for row in accounts.listed(connection):
            left = f", {counted(row.credits, 'turn')} left" if row.credits is not None else ""
            click.echo(f"{row.id:>4}  {row.name}  ({row.timezone}{f', {row.country}' if row.country else ''}{left})")


@account.command("change")
@click.option("--name", help="The new name.")
@click.option("--timezone", help="IANA name, such as Europe/Berlin.")
@click.option("--country", help=COUNTRY)
@account_option
def account_change(name: str | None, timezone: str | None, country: str | None, account: str | None) -> None:
    """Rename a business, or move it to another time zone or country."""
    from receptionist.services import accounts

    with in_account(account) as (_, _, scope):
        accounts.change(scope, name=name, timezone=timezone, country=country)
    click.echo("Saved; the next turn uses it.")
