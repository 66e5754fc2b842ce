"""`receptionist conversation`."""

from __future__ import annotations

import click

from receptionist.cli.base import account_option, in_account, printable


@click.group()
def conversation() -> None:
    """What customers wrote and what they were answered."""


@conversation.command("list")
@click.option("--person", is_flag=True, help="Only those in which the agent asked for a person.")
@click.option("--before", type=int, help="Go on below this id.")
@account_option
def conversation_list(person: bool, before: int | None, account: str | None) -> None:
    """List conversations, the newest first."""
    from receptionist.services import conversations

    with in_account(account) as (_, _, scope):
        rows = conversations.listed(scope, wants_person=person, before=before)
    for row in rows:
        who = printable(" ".join(filter(None, (row.name, row.phone, row.email)))) or "not known yet"
        flag = "wants a person" if row.person_requested_at else row.state
        click.echo(f"{row.id:>6}  {row.last_message_at:%Y-%m-%d %H:%M}  {flag:<14}  {row.line}: {who}")
    if len(rows) == conversations.PAGE:
        click.echo(f"More: receptionist conversation list --before {rows[-1].id}")


@conversation.command("show")
@click.argument("conversation_id", type=int)
@account_option
def conversation_show(conversation_id: int, account: str | None) -> None:
    """Print a conversation, times in UTC."""
    from receptionist.services import conversations

    with in_account(account) as (_, _, scope):
        row = conversations.find(scope, conversation_id)
        found = conversations.messages(scope, conversation_id)
    who = (row.address, row.name or "name not known", row.phone or "no phone", row.email or "no e-mail")
    click.echo(f"{row.line}: {printable(', '.join(who))}")
    if row.person_requested_at:
        click.echo(f"Wants a person since {row.person_requested_at:%Y-%m-%d %H:%M}: {printable(row.person_reason)}")
    for message in found:
        trouble = f"  [{message.state}: {printable(message.error)}]" if message.error else ""
        text = printable(message.text).replace("\n", "\n" + " " * 30)
        click.echo(f"{message.created_at:%Y-%m-%d %H:%M:%S} {message.author:<10}{text}{trouble}")
