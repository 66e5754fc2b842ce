"""What a lease holder sees of its conversation: what waits, what is unsent, and what was said before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from receptionist.db import AnyRow, Scope, db_now
from receptionist.models import Message
from receptionist.models.conversations import OPEN_STATES
from receptionist.pipeline.lease import Lease, hold
from receptionist.services import leads

HISTORY_MESSAGES = 200
"""Past messages loaded at most; the token budget usually shows the model fewer."""


@dataclass(frozen=True, slots=True)
class View:
    """One look at the leased conversation, all of one moment. Lists are in the order of `seq`."""

    waiting: Sequence[AnyRow]
    unsent: Sequence[AnyRow]
    past: Sequence[AnyRow]
    lead: dict[str, Any]
    at: datetime


def look(scope: Scope, lease: Lease) -> View:
    """Load the conversation within a transaction that also proves the lease; notes the newest `seq` seen.

    Raises `FenceLost`."""
    hold(scope, lease)
    return load(scope, lease)


def load(scope: Scope, lease: Lease) -> View:
    """Load the conversation in the transaction that took the lease, or in one that proved it."""
    columns = (
        Message.id,
        Message.seq,
        Message.direction,
        Message.author,
        Message.kind,
        Message.text,
        Message.state,
        Message.attempts,
        Message.created_at,
        db_now().label("now"),
    )
    mine = Message.conversation_id == lease.conversation_id
    statement = scope.select(Message, *columns).where(mine).order_by(Message.seq.desc()).limit(HISTORY_MESSAGES)
    rows = scope.all(statement)[::-1]
    if len(rows) == HISTORY_MESSAGES:  # open ones may be older than the window
        older = scope.select(Message, *columns).where(mine, Message.state.in_(OPEN_STATES), Message.seq < rows[0].seq)
        rows = [*scope.all(older.order_by(Message.seq)), *rows]
    if rows:
        lease.next_seq = max(lease.next_seq, rows[-1].seq + 1)
    return View(
        waiting=[row for row in rows if row.state == "waiting"],
        unsent=[row for row in rows if row.state in ("pending", "sending")],
        past=[row for row in rows if row.state != "waiting" and not _unseen(row)],
        lead=leads.get(scope, lease.lead_id),
        at=rows[-1].now if rows else datetime.now(UTC),
    )


def _unseen(row: AnyRow) -> bool:
    """Whether the customer surely never saw this reply, so that the model must not believe it was said."""
    return row.direction == "out" and row.state in ("failed", "suppressed")
