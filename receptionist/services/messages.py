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


def replay(scope: Scope, message_id: int) -> str:
    """Try a failed message again: an inbound one is answered anew, an outbound one sent again; returns its new state.

    Raises `LineError` for a message that did not fail; one that was perhaps sent is sent again only from here,
    where a person decided it.
    """
    row = scope.first(scope.select(Message).where(Message.id == message_id))
    if row is None or row.state not in ("failed", "unknown"):
        raise LineError(f"Message {message_id} is not in the list of failed messages.")
    state = "waiting" if row.direction == "in" else "pending"
    scope.run(scope.update(Message).where(Message.id == message_id).values(state=state, error=None, attempts=0))
    scope.run(
        scope.update(Conversation)
        .where(Conversation.id == row.conversation_id)
        .values(due_at=sa.func.coalesce(Conversation.due_at, db_now()), next_seq=Conversation.next_seq + 1)
    )
    return state
