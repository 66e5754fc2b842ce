"""`receptionist account`."""

from __future__ import annotations

import click

from receptionist.cli.base import Number, account_option, in_account, ready

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


@account.command("credits")
@click.argument(
    "amount", type=Number("write a number of turns from 1 to 100000000, such as 500, not {}", min=1, max=10**8)
)
@account_option
def account_credits(amount: int, account: str | None) -> None:
    """Add AMOUNT turns to an account; from the first time on its turns are counted."""
    from receptionist.services import accounts

    with in_account(account) as (_, _, scope):
        balance = accounts.add_credits(scope, amount, "added by the operator")
    click.echo(f"{balance} turns are left.")


@account.command("list")
def account_list() -> None:
    """List the businesses."""
    from receptionist.services import accounts

    parts, _ = ready()
    with parts.database.read() as connection:
        for row in accounts.listed(connection):
            counted = f", {row.credits} turns left" if row.credits is not None else ""
            click.echo(f"{row.id:>4}  {row.name}  ({row.timezone}{f', {row.country}' if row.country else ''}{counted})")


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
