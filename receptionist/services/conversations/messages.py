"""Messages that need a person: failed ones, and sends whose outcome is unknown."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from receptionist.db import AnyRow, Scope, db_now
from receptionist.errors import LineError
from receptionist.models import Conversation, Message
from receptionist.services.conversations import conversations, sessions

PAGE = 50
TROUBLE: sa.ColumnElement[bool] = sa.literal_column(
    "messages.state IN ('failed', 'unknown')"
)  # literal, so that the partial index is used


def in_trouble(scope: Scope, *, before: int | None = None, limit: int = PAGE) -> list[AnyRow]:
    """Failed and unknown messages, the newest first; `before` an id for the next page."""
    statement = scope.select(Message).where(TROUBLE).order_by(Message.id.desc()).limit(limit)
    return scope.all(statement if before is None else statement.where(Message.id < before))


def find(scope: Scope, message_id: int) -> AnyRow:
    """One message. Raises `LineError` if there is none."""
    row = scope.first(scope.select(Message).where(Message.id == message_id))
    if row is None:
        raise LineError(f"There is no message {message_id}.")
    return row


def replay(scope: Scope, message_id: int) -> str:
    """Try a failed message again: an inbound one is answered anew, an outbound one sent again; returns its new state.

    Raises `LineError` for a message that did not fail, and for one that would only be suppressed again; one that was
    perhaps sent is sent again only from here, where a person decided it, and that it was in doubt is kept.
    """
    row = _in_trouble(scope, message_id)
    state = "waiting" if row.direction == "in" else "pending"
    _wake(scope, row.conversation_id)  # first, for whoever works on the conversation locks it first too
    _must_be_of_use(scope, row)
    values: dict[str, Any] = {"state": state, "error": None, "code": None, "delivery": None, "attempts": 0}
    values["replays"] = Message.replays + 1
    if row.direction == "out":  # a new message for the vendor, who knows the old one by key and id
        values["provider_message_id"] = None
    if row.state == "unknown":
        values["doubted_at"] = db_now()
    scope.run(scope.update(Message).where(Message.id == message_id, TROUBLE).values(**values))
    sessions.look_again(scope, row.conversation_id, row.seq)
    return state


def settle(scope: Scope, message_id: int, *, sent: bool) -> str:
    """A person says what became of a message: it was `sent`, or it is given up; returns its new state.

    Raises `LineError` for a message that needs no settling.
    """
    row = _in_trouble(scope, message_id)
    if row.direction == "in" and sent:
        raise LineError(f"Message {message_id} came in, so it was never sent; replay it, or settle it as not sent.")
    state = "sent" if sent else ("silent" if row.direction == "in" else "suppressed")
    note = f"settled by a person; before: {': '.join(filter(None, (row.state, row.error)))}"
    scope.run(scope.update(Message).where(Message.id == message_id, TROUBLE).values(state=state, error=note))
    return state


def _in_trouble(scope: Scope, message_id: int) -> AnyRow:
    row = find(scope, message_id)
    if row.state not in ("failed", "unknown"):
        raise LineError(f"Message {message_id} is {row.state}, not in the list of failed messages.")
    return row


def _must_be_of_use(scope: Scope, row: AnyRow) -> None:
    """Raises `LineError` where nobody would answer or send the message, so that it would vanish from the list."""
    conversation = conversations.find(scope, row.conversation_id)
    if conversation.opted_out_at is not None:
        raise LineError(
            f"The customer of message {row.id} opted out: nothing may be sent before START. Settle it as not sent."
        )
    if conversation.with_person and row.author != "person":
        raise LineError(
            f"{conversation.person} has conversation {row.conversation_id}, so the agent is silent: hand it back "
            f"first, then replay message {row.id}."
        )


def _wake(scope: Scope, conversation_id: int) -> None:
    scope.run(
        scope.update(Conversation)
        .where(Conversation.id == conversation_id)
        .values(due_at=sa.func.coalesce(Conversation.due_at, db_now()), next_seq=Conversation.next_seq + 1)
    )
