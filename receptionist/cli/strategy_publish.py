"""`receptionist strategy`: what answers, what answered before, and going back to it."""

from __future__ import annotations

from typing import Any

import click

from receptionist.cli.base import (
    VERSION,
    account_option,
    in_account,
    operator,
    plain_json,
    printable,
    reading,
    text_file,
    text_of,
)
from receptionist.cli.strategy import strategy, what_then
from receptionist.errors import AdminError


@strategy.command("publish")
@click.argument("name")
@click.argument("file", type=text_file, required=False)
@click.option("--note", default="", help="What changed, for the history.")
@click.option("--anyway", is_flag=True, help="Publish the draft although a newer version would be undone.")
@account_option
def strategy_publish(name: str, file: Any, note: str, anyway: bool, account: str | None) -> None:
    """Publish the draft of NAME, or FILE (JSON, - for standard input), as its newest version.

    A new strategy is made with `receptionist strategy create` first."""
    from receptionist.services.strategies import strategies, strategy_drafts, strategy_versions

    fields = strategies.parse(_fields(file)) if file else None
    with in_account(account) as (_, factory, scope):
        row = strategies.find(scope, name, to_make=True)
        if fields is not None:
            number = strategy_versions.publish(scope, row.id, fields, factory.check_for(scope), operator(), note)
        else:
            number = strategy_drafts.publish(
                scope, row.id, factory.check_for(scope), operator(), note, over_newer=anyway
            )
        then = what_then(scope, row)
    click.echo(f"Version {number} of {name} is published; {then}.")
    if not row.active:
        click.echo(f'{name} is not active, so it answers nobody: receptionist strategy activate "{name}"')


def _fields(file: Any) -> Any:
    fields = plain_json(text_of(file))
    if isinstance(fields, dict) and "receptionist_strategy" in fields:
        raise AdminError("This is an exported strategy; take it in as a draft: receptionist strategy import FILE")
    return fields


@strategy.command("rollback")
@click.argument("name")
@click.argument("number", type=VERSION)
@account_option
def strategy_rollback(name: str, number: int, account: str | None) -> None:
    """Publish version NUMBER of NAME again, as its newest version."""
    from receptionist.services.strategies import strategies, strategy_versions

    with in_account(account) as (_, factory, scope):
        row = strategies.find(scope, name)
        newest = strategy_versions.roll_back(scope, row.id, number, factory.check_for(scope), operator())
    click.echo(f"Version {newest} of {name} is published, which says what version {number} said.")
    if row.draft is not None:
        click.echo("There is a draft, too; it stays as it is.")


@strategy.command("history")
@click.argument("name")
@click.option("--before", type=VERSION, help="Go on below this version.")
@account_option
def strategy_history(name: str, before: int | None, account: str | None) -> None:
    """List the versions of NAME, the newest first: when, by whom, and why."""
    from receptionist.services.strategies import strategies, strategy_versions

    with reading(account) as (_, _, scope):
        row = strategies.find(scope, name)
        versions = strategy_versions.history(scope, row.id, before=before)
    if row.draft is not None and before is None:
        click.echo(f" draft  {row.draft_at:%Y-%m-%d %H:%M}  {printable(row.draft_by)}")
    for each in versions:
        when = f"{each.published_at:%Y-%m-%d %H:%M}" if each.published_at else ""
        told = "  ".join(filter(None, (when, printable(each.published_by), printable(each.note))))
        click.echo(f"{each.number:>6}  {told}")
    if not versions and row.draft is None:
        click.echo("None.")
    if len(versions) == strategy_versions.PAGE:
        click.echo(f'More: receptionist strategy history "{name}" --before {versions[-1].number}')
