"""`receptionist task`."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import click

from receptionist.cli.base import ID, account_option, in_account, operator, printable, reading

KINDS = ("callback", "claim", "message", "limit")


@click.group()
def task() -> None:
    """What persons have to do: calls that were agreed on, messages that were taken down."""


@task.command("list")
@click.option("--done", is_flag=True, help="Those that are done.")
@click.option("--kind", type=click.Choice(KINDS), help="Only these.")
@click.option("--before", type=ID, help="Go on below this number.")
@account_option
def task_list(done: bool, kind: str | None, before: int | None, account: str | None) -> None:
    """List open tasks, the newest first; times of calls are the account's, others in UTC."""
    from receptionist.services import accounts
    from receptionist.services.conversations import tasks

    with reading(account) as (_, _, scope):
        rows = tasks.listed(scope, done=done, kind=kind, before=before)
        zone = ZoneInfo(accounts.timezone(scope))
    for row in rows:
        click.echo("  ".join((f"{row.id:>6}", f"{row.created_at:%Y-%m-%d %H:%M}", f"{row.kind:<8}", _who(row))))
        click.echo("        " + printable(row.text).replace("\n", "\n        "))
        for note in _notes(row, zone):
            click.echo(f"        {note}")
    if not rows:
        click.echo("None.")
    elif len(rows) == tasks.PAGE:
        click.echo(f"More: receptionist task list --before {rows[-1].id}")


@task.command("done")
@click.argument("task_ids", metavar="NUMBER...", nargs=-1, required=True, type=ID)
@click.option("--as", "person", help="Who did it; else who runs the command.")
@account_option
def task_done(task_ids: tuple[int, ...], person: str | None, account: str | None) -> None:
    """Take tasks off the list: all of these, or none if one does not exist."""
    from receptionist.services.conversations import tasks

    with in_account(account) as (_, _, scope):
        new = [number for number in task_ids if tasks.done(scope, number, person or operator())]
    for number in task_ids:
        click.echo(f"Task {number} is done." if number in new else f"Task {number} was done before.")


def _who(row: Any) -> str:
    name = " ".join(filter(None, (row.name, row.phone))) or "somebody unknown"
    return printable(f"{name}, conversation {row.conversation_id} on {row.line}")


def _notes(row: Any, zone: ZoneInfo) -> list[str]:
    notes = []
    if row.due_at is not None:
        notes.append(f"Due {row.due_at.astimezone(zone):%A %Y-%m-%d %H:%M}.")
    if row.done_at is not None:
        notes.append(f"Done {row.done_at:%Y-%m-%d %H:%M} by {printable(row.done_by)}.")
    return notes
