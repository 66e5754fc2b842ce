"""Messages that need a person: failed ones, and sends whose outcome is unknown."""

from __future__ import annotations

import sqlalchemy as sa

from receptionist.db import AnyRow, Scope, db_now
from receptionist.errors import LineError
from receptionist.models import Conversation, Message

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

    Raises `LineError` for a message that did not fail; one that was perhaps sent is sent again only from here,
    where a person decided it.
    """
    row = _in_trouble(scope, message_id)
    state = "waiting" if row.direction == "in" else "pending"
    _wake(scope, row.conversation_id)  # first, for whoever works on the conversation locks it first too
    values = {"state": state, "error": None, "code": None, "delivery": None, "attempts": 0}
    scope.run(scope.update(Message).where(Message.id == message_id, TROUBLE).values(**values))
    return state


def settle(scope: Scope, message_id: int, *, sent: bool) -> str:
    """A person says what became of a message: it was `sent`, or it is given up; returns its new state.

    Raises `LineError` for a message that needs no settling.
    """
    row = _in_trouble(scope, message_id)
    if row.direction == "in" and sent:
        raise LineError(f"Message {message_id} came in; it can be replayed, or settled as failed.")
    state = "sent" if sent else ("silent" if row.direction == "in" else "suppressed")
    note = None if sent else f"settled by a person; before: {row.error or row.state}"
    scope.run(scope.update(Message).where(Message.id == message_id, TROUBLE).values(state=state, error=note))
    return state


def _in_trouble(scope: Scope, message_id: int) -> AnyRow:
    row = find(scope, message_id)
    if row.state not in ("failed", "unknown"):
        raise LineError(f"Message {message_id} is {row.state}, not in the list of failed messages.")
    return row


def _wake(scope: Scope, conversation_id: int) -> None:
    scope.run(
        scope.update(Conversation)
        .where(Conversation.id == conversation_id)
        .values(due_at=sa.func.coalesce(Conversation.due_at, db_now()), next_seq=Conversation.next_seq + 1)
    )
