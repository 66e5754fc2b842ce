"""Lines that answer their customers one after the other, in the order in which they wrote."""

from __future__ import annotations

import sqlalchemy as sa

from receptionist.db import Scope, db_now
from receptionist.models import Conversation, Line, Message
from receptionist.models.conversations import OPEN_STATES
from receptionist.pipeline.lease import Lease

_OPEN: sa.ColumnElement[bool] = sa.literal_column(f"messages.state IN {OPEN_STATES}")  # as in the partial index


class NotYet(Exception):
    """Another customer of the line comes first; the lease must not be taken."""


def must_be_first(scope: Scope, lease: Lease) -> None:
    """Raises `NotYet` unless this conversation is the next of its line; within the transaction that took its lease."""
    scope.first(scope.select(Line, Line.id).where(Line.id == lease.line_id).with_for_update(key_share=True))
    busy = scope.first(
        scope.select(Conversation, Conversation.id)
        .where(
            Conversation.line_id == lease.line_id,
            Conversation.id != lease.conversation_id,
            Conversation.due_at.is_not(None),
            Conversation.lease_until >= db_now(),
        )
        .limit(1)
    )
    if busy is not None or first(scope, lease.line_id) not in (None, lease.conversation_id):
        raise NotYet


def first(scope: Scope, line_id: int) -> int | None:
    """The conversation of the line with the oldest message that somebody must still work on."""
    row = scope.first(
        scope.select(Message, Message.conversation_id)
        .where(Message.line_id == line_id, _OPEN)
        .order_by(Message.id)
        .limit(1)
    )
    return int(row.conversation_id) if row else None
