"""`receptionist message`."""

from __future__ import annotations

from typing import Any

import click

from receptionist.cli.base import ID, account_option, in_account, printable, reading, ring

MEANING = {
    ("in", "waiting"): "It waits for an answer.",
    ("in", "answered"): "It was answered.",
    ("in", "silent"): "Nobody answers it; the error says why.",
    ("in", "failed"): "It could not be answered: replay it, or settle it as not-sent to give it up.",
    ("out", "pending"): "It waits to be sent.",
    ("out", "sending"): "It is being sent.",
    ("out", "sent"): "It was sent; delivery is what the vendor reported since.",
    ("out", "failed"): "It was not sent, or did not arrive: replay it, or settle it as not-sent to give it up.",
    ("out", "unknown"): "It was perhaps sent: look into the vendor's log, or ask the customer. Then settle it as sent "
    "or not-sent, or replay it if the customer may read it twice.",
    ("out", "suppressed"): "It was held back and will not be sent; the error says why.",
}
"""What a state means for the one who reads it, by direction."""


@click.group()
def message() -> None:
    """Messages that could not be answered or sent."""


@message.command("failed")
@click.option("--before", type=ID, help="Go on below this id.")
@account_option
def message_failed(before: int | None, account: str | None) -> None:
    """List failed messages, and sends whose outcome is unknown."""
    from receptionist.services.conversations import messages

    with reading(account) as (_, _, scope):
        rows = messages.in_trouble(scope, before=before)
    for row in rows:
        code = f" [{printable(row.code)}]" if row.code and not (row.error or "").startswith(row.code) else ""
        click.echo(
            f"{row.id:>6}  {row.created_at:%Y-%m-%d %H:%M}  {row.direction:<3} {row.state:<8} "
            f"conversation {row.conversation_id}:{code} {printable(row.error)}"
            f"{' (perhaps sent before)' if row.doubted_at else ''}"
        )
    if not rows:
        click.echo("None.")
    elif len(rows) == messages.PAGE:
        click.echo(f"More: receptionist message failed --before {rows[-1].id}")


@message.command("show")
@click.argument("message_id", type=ID)
@account_option
def message_show(message_id: int, account: str | None) -> None:
    """Print all that is known of a message, times in UTC, and what its state means."""
    from receptionist.services.conversations import conversations, messages

    with reading(account) as (_, _, scope):
        row = messages.find(scope, message_id)
        conversation = conversations.find(scope, row.conversation_id)
    for name, value in _facts(row, conversation):
        if value not in (None, ""):
            click.echo(f"{name + ':':<15}" + printable(str(value)).replace("\n", "\n" + " " * 15))
    click.echo(MEANING.get((row.direction, row.state), ""))


def _facts(row: Any, conversation: Any) -> list[tuple[str, Any]]:
    who = "from" if row.direction == "in" else "to"
    return [
        ("message", f"{row.id}, {row.direction}, by the {row.author}"),
        ("conversation", f"{row.conversation_id} on {conversation.line}, {who} {row.address}"),
        ("written", f"{row.created_at:%Y-%m-%d %H:%M:%S}"),
        ("text", row.text),
        *(("file", told(each)) for each in row.attachments or ()),
        ("state", row.state),
        ("error", row.error),
        ("vendor's code", row.code),
        ("delivery", row.delivery),
        ("vendor's id", row.provider_message_id),
        ("attempts", row.attempts if row.direction == "out" else None),
        ("sent", f"{row.sent_at:%Y-%m-%d %H:%M:%S}" if row.sent_at else None),
        (
            "sent before",
            row.doubted_at
            and f"perhaps: that was unknown when a person had it sent again at "
            f"{row.doubted_at:%Y-%m-%d %H:%M:%S}, so the customer may have got it already",
        ),
    ]


def told(attachment: dict[str, Any]) -> str:
    """A file of a message in a few words: what it is, and where it is kept or why it is missing."""
    name = attachment.get("name") or "without a name"
    if "key" in attachment:
        kept = f"{attachment.get('size', 0)} bytes, stored as {attachment['key']}"
    else:
        kept = attachment.get("error") or "not fetched yet"
    return f"{name} ({attachment['content_type']}; {kept})"


@message.command("replay")
@click.argument("message_ids", type=ID, nargs=-1, required=True)
@account_option
def message_replay(message_ids: tuple[int, ...], account: str | None) -> None:
    """Answer or send failed messages again: all of them, or none if one cannot be."""
    from receptionist.services.conversations import messages

    with in_account(account) as (parts, _, scope):
        states = {message_id: messages.replay(scope, message_id) for message_id in sorted(set(message_ids))}
        conversation_ids = {messages.find(scope, message_id).conversation_id for message_id in states}
    for message_id, state in states.items():
        click.echo(f"Message {message_id} is {state} again.")
    click.echo(f"The server goes on with it {ring(parts, conversation_ids)}.")


@message.command("settle")
@click.argument("message_id", type=ID)
@click.argument("outcome", type=click.Choice(["sent", "not-sent"]))
@account_option
def message_settle(message_id: int, outcome: str, account: str | None) -> None:
    """Say what became of a failed or unknown message, and take it off the list; nothing is sent."""
    from receptionist.services.conversations import messages

    with in_account(account) as (_, _, scope):
        state = messages.settle(scope, message_id, sent=outcome == "sent")
    click.echo(f"Message {message_id} is {state} now.")
