"""`receptionist message`."""

from __future__ import annotations

import click

from receptionist.cli.base import account_option, in_account, printable


@click.group()
def message() -> None:
    """Messages that could not be answered or sent."""


@message.command("failed")
@click.option("--before", type=int, help="Go on below this id.")
@account_option
def message_failed(before: int | None, account: str | None) -> None:
    """List failed messages, and sends whose outcome is unknown."""
    from receptionist.services import messages

    with in_account(account) as (_, _, scope):
        rows = messages.in_trouble(scope, before=before)
    for row in rows:
        click.echo(
            f"{row.id:>6}  {row.created_at:%Y-%m-%d %H:%M}  {row.direction:<3} {row.state:<8} "
            f"conversation {row.conversation_id}: {printable(row.error)}"
        )
    if not rows:
        click.echo("None.")
    elif len(rows) == messages.PAGE:
        click.echo(f"More: receptionist message failed --before {rows[-1].id}")


@message.command("replay")
@click.argument("message_id", type=int)
@account_option
def message_replay(message_id: int, account: str | None) -> None:
    """Answer or send a failed message again; a running server takes it up within its sweep."""
    from receptionist.services import messages

    with in_account(account) as (_, _, scope):
        state = messages.replay(scope, message_id)
    click.echo(f"Message {message_id} is {state} again.")
