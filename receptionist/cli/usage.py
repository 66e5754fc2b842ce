"""`receptionist account limits`, `receptionist account usage` and `receptionist price`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from receptionist.cli.account import account as account_group
from receptionist.cli.base import account_option, in_account, printable, reading
from receptionist.errors import AdminError

MILLION = 1_000_000


@account_group.command("limits")
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="Such as lead.turns=50; none; default.")
@account_option
def account_limits(changes: tuple[str, ...], account: str | None) -> None:
    """Show what leads, lines and the account may use in a day, or change it."""
    from receptionist.services import limits

    if changes:
        with in_account(account) as (_, _, scope):
            found = limits.change(scope, dict(map(_change, changes)))
    else:
        with reading(account) as (_, _, scope):
            found = limits.read(scope)
    for name, value in limits.flat(found).items():
        click.echo(f"{name:<15} {'none' if value is None else value}")
    if changes:
        click.echo("Saved; the next turn uses it. What was refused: receptionist message failed, message replay.")


def _change(text: str) -> tuple[str, str | None]:
    name, equals, value = text.partition("=")
    if not equals or not value.strip():
        raise AdminError(f"{printable(text)} is no change of a limit; write it like lead.turns=50, or lead.turns=none.")
    value = value.strip().lower()
    return name.strip(), None if value == "none" else value


@account_group.command("usage")
@click.option("--days", type=click.IntRange(1, 366), default=30, show_default=True, help="How many days back.")
@click.option("--month", metavar="YYYY-MM", help="All of this month instead of the last days.")
@account_option
def account_usage(days: int, month: str | None, account: str | None) -> None:
    """Show what was used: day by day in the account's time zone, by which lines, and by whom in the month."""
    from receptionist.services import accounts, limits, prices

    with reading(account) as (_, _, scope):
        timezone = accounts.timezone(scope)
        whole = limits.month_days(timezone, month)
        wanted = limits.last_days(timezone, days) if month is None else whole
        of_days, of_lines = limits.usage(scope, days=wanted), limits.usage_of_lines(scope, days=wanted)
        of_leads = limits.usage_of_leads(scope, month=whole[-1])
        unpriced = prices.unpriced(scope)
    for row in of_days:
        click.echo(f"{row.day}      {_amounts(row)}")
    if not of_days:
        click.echo(f"Nothing was used from {wanted[-1]} to {wanted[0]}.")
    _show_subjects("line", of_lines)
    click.echo(f"Customers in {whole[-1]:%Y-%m}:{'' if of_leads else ' none.'}")
    _show_subjects("lead", of_leads)
    if unpriced:
        names = ", ".join(map(printable, unpriced))
        click.echo(f"No price is known for {names}: what they cost is not counted. See: receptionist price set.")


def _show_subjects(kind: str, rows: Iterable[Any]) -> None:
    for row in rows:
        click.echo(f"{kind} {row.subject_id:<10} {_amounts(row)}  {printable(row.name)}")


def _amounts(row: Any) -> str:
    return f"{row.turns:>7} turns {row.tokens:>11} tokens {_dollars(row.cost):>12} US dollars"


def _dollars(millionths: int) -> str:
    return f"{int(millionths) / MILLION:.4f}"


@click.group()
def price() -> None:
    """What models cost, in US dollars for a million tokens; for limits on cost."""


@price.command("list")
@account_option
def price_list(account: str | None) -> None:
    """List the prices."""
    from receptionist.services import prices

    with reading(account) as (_, _, scope):
        rows, unpriced = prices.listed(scope), prices.unpriced(scope)
    for row in rows:
        amounts = (f"{name} {getattr(row, name) / MILLION:g}" for name in ("input", "cached", "output"))
        click.echo(f"{row.model:<32} {', '.join(amounts)}")
    if not rows:
        click.echo("None.")
    for model in unpriced:
        click.echo(f"{printable(model):<32} answered in the last days, and has no price")


@price.command("set")
@click.argument("model")
@click.option("--input", "of_input", required=True, metavar="DOLLARS", help="For a million tokens that go in.")
@click.option("--cached", metavar="DOLLARS", help="For those that the vendor had in its cache; else as the others.")
@click.option("--output", required=True, metavar="DOLLARS", help="For a million that come out, reasoning included.")
@account_option
def price_set(model: str, of_input: str, cached: str | None, output: str, account: str | None) -> None:
    """Set the price of MODEL, or of all whose names begin with it where it ends in "*"; the longest one counts."""
    from receptionist.services import prices

    with in_account(account) as (_, _, scope):
        prices.put(scope, model, input=of_input, cached=cached, output=output)
    click.echo("Saved; the next turn is counted by it.")


@price.command("remove")
@click.argument("model")
@account_option
def price_remove(model: str, account: str | None) -> None:
    """Forget the price of MODEL; turns that are over keep what they cost."""
    from receptionist.services import prices

    with in_account(account) as (_, _, scope):
        prices.remove(scope, model)
    click.echo("Removed.")
