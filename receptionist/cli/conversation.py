"""`receptionist conversation`."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from receptionist.cli.base import ID, account_option, find_account, printable, reading, ready, ring
from receptionist.cli.message import told
from receptionist.errors import AdminError

if TYPE_CHECKING:
    from receptionist.services.conversations.inbox import Upload

INDENT = " " * 38

as_option = click.option("--as", "person", metavar="NAME", default="a person", show_default=True, help="Who you are.")


@click.group()
def conversation() -> None:
    """What customers wrote and what they were answered, and how a person steps in."""


@conversation.command("list")
@click.option("--person", is_flag=True, help="Only those in which the agent asked for a person.")
@click.option("--archived", is_flag=True, help="Only those archived when the customer got another strategy.")
@click.option("--phone", help="Only those of the customer with this number.")
@click.option("--before", type=ID, help="Go on below this id.")
@account_option
def conversation_list(person: bool, archived: bool, phone: str | None, before: int | None, account: str | None) -> None:
    """List conversations, the newest first."""
    from receptionist.services.conversations import conversations
    from receptionist.services.leads import leads

    with reading(account) as (_, _, scope):
        number = leads.number_of(scope, phone) if phone is not None else None
        if phone is not None and number is None:
            raise AdminError(f"{printable(phone)} is not a phone number; write it with its country code.")
        rows = conversations.listed(scope, wants_person=person, archived=archived, phone=number, before=before)
    for row in rows:
        who = printable(" ".join(filter(None, (row.name, row.phone, row.email)))) or printable(row.address)
        click.echo(f"{row.id:>6}  {row.last_message_at:%Y-%m-%d %H:%M}  {_flag(row):<14}  {row.line}: {who}")
        if archived:
            click.echo(f"{'':>8}{_archived(row)}")
    if not rows:
        click.echo("None.")
    if len(rows) == conversations.PAGE:
        click.echo(f"More: receptionist conversation list --before {rows[-1].id}")


def _flag(row: Any) -> str:
    flags = (
        row.opted_out_at and "opted out",
        row.with_person and f"with {printable(row.person)}",
        row.person_requested_at and "wants a person",
    )
    return ", ".join(filter(None, flags)) or str(row.state)


def _archived(row: Any) -> str:
    """When a conversation was archived, or will be, by whom and for which strategy, or for a merge of two leads."""
    from receptionist.services.conversations import conversations

    when = f"{row.archived_at:%Y-%m-%d %H:%M} by {printable(row.archived_by)}"
    change = " to ".join(printable(name) if name else "no strategy" for name in (row.archived_from, row.archived_to))
    said = "Archived since" if row.state == "archived" else "Archived when its last work is done, since"
    if row.archived_by.startswith(conversations.ENDED):
        return f"{said} {when}."
    if row.archived_from is None and row.archived_to is None:
        return f"{said} {when}: two leads became one."
    return f"{said} {when}: from {change}."


@conversation.command("show")
@click.argument("conversation_id", type=ID)
@account_option
def conversation_show(conversation_id: int, account: str | None) -> None:
    """Print a conversation, times in UTC."""
    from receptionist.services.conversations import conversations

    with reading(account) as (_, _, scope):
        row = conversations.find(scope, conversation_id)
        found = conversations.messages(scope, conversation_id)
    who = (row.address, row.name or "name not known", row.phone or "no phone", row.email or "no e-mail")
    click.echo(f"{row.line}: {printable(', '.join(who))}")
    if row.person_requested_at:
        click.echo(f"Wants a person since {row.person_requested_at:%Y-%m-%d %H:%M}: {printable(row.person_reason)}")
    if row.with_person:
        click.echo(f"{printable(row.person)} has it until {row.person_until:%Y-%m-%d %H:%M}; the agent is silent.")
    if row.opted_out_at:
        click.echo(f"The customer opted out at {row.opted_out_at:%Y-%m-%d %H:%M}; nothing is sent before START.")
    if row.archived_at:
        click.echo(_archived(row))
    for message in found:
        _print(message)


def _print(message: Any) -> None:
    doubt = "perhaps sent before" if message.doubted_at else None
    fate = ", ".join(filter(None, (message.state, message.delivery, doubt)))
    trouble = f": {printable(message.error)}" if message.error else ""
    text = printable(message.text).replace("\n", "\n" + INDENT)
    click.echo(f"{message.id:>6}  {message.created_at:%Y-%m-%d %H:%M:%S} {message.author:<10}{text}  [{fate}{trouble}]")
    for attachment in message.attachments or ():
        click.echo(f"{INDENT}file: {printable(told(attachment))}")


@conversation.command("reply")
@click.argument("conversation_id", type=ID)
@click.argument("text")
@as_option
@click.option("--file", "paths", multiple=True, metavar="PATH", help="A file to send along; may be given again.")
@account_option
def conversation_reply(
    conversation_id: int, text: str, person: str, paths: tuple[str, ...], account: str | None
) -> None:
    """Write TEXT to the customer, and take the conversation: the agent is silent for the strategy's
    hand_back_minutes."""
    from receptionist.services.conversations.inbox import Inbox

    parts, _ = ready()
    inbox = Inbox(parts, find_account(parts.database, account))
    ids = inbox.reply(conversation_id, person, text, [_upload(Path(path)) for path in paths])
    numbers = ", ".join(map(str, ids))
    said = f"Message {numbers} is" if len(ids) == 1 else f"The text is longer than one message: {numbers} are"
    when = ring(parts, [conversation_id])
    if inbox.is_fetched(conversation_id):
        click.echo(f"{said} in the customer's chat; where it is open it is shown {when}.")
    else:
        click.echo(f"{said} stored; the server sends it {when}.")


def _upload(path: Path) -> Upload:
    from receptionist.services.conversations.inbox import MAX_BYTES, Upload

    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise AdminError(f"The file {path} cannot be read: {error.strerror or error}.") from error
    if len(content) > MAX_BYTES:
        raise AdminError(f"The file {path} is too big; one message takes {MAX_BYTES / 1e6:.0f} MB.")
    return Upload(path.name, mimetypes.guess_type(path.name)[0] or "application/octet-stream", content)


@conversation.command("take")
@click.argument("conversation_id", type=ID)
@as_option
@click.option("--minutes", type=click.IntRange(1, 10080), help="For how long; else as the strategy says.")
@account_option
def conversation_take(conversation_id: int, person: str, minutes: int | None, account: str | None) -> None:
    """Silence the agent; an answer that is being written is dropped."""
    from receptionist.services.conversations.inbox import Inbox

    parts, _ = ready()
    taken = Inbox(parts, find_account(parts.database, account)).take(conversation_id, person, minutes)
    click.echo(f"Conversation {conversation_id} is yours for {taken} minutes; the agent is silent.")


@conversation.command("hand-back")
@click.argument("conversation_id", type=ID)
@account_option
def conversation_hand_back(conversation_id: int, account: str | None) -> None:
    """Let the agent answer again, from the customer's next message on."""
    from receptionist.services.conversations.inbox import Inbox

    parts, _ = ready()
    changed = Inbox(parts, find_account(parts.database, account)).hand_back(conversation_id)
    again = "The agent answers again, from the customer's next message on."
    click.echo(again if changed else "It was so already: the agent has it, and answers the customer's next message.")
