"""What a lease holder sees of its conversation: what waits, what is unsent, and what was said before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from receptionist.db import AnyRow, Scope, prepared
from receptionist.models import Message, table
from receptionist.models.conversations import OPEN_STATES
from receptionist.pipeline.lease import Lease, hold
from receptionist.services.conversations import sessions
from receptionist.services.conversations.known_sessions import KnownSessions
from receptionist.services.conversations.sessions import SessionState
from receptionist.services.leads.known_leads import KnownLeads

HISTORY_MESSAGES = 100
"""Past messages loaded at most; the token budget, or the summary of older ones, usually has the model see fewer."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the process remembers of leads and sessions."""

    leads: KnownLeads
    sessions: KnownSessions


@dataclass(frozen=True, slots=True)
class View:
    """One look at the leased conversation, all of one moment. Lists are in the order of `seq`."""

    waiting: Sequence[AnyRow]
    unsent: Sequence[AnyRow]
    past: Sequence[AnyRow]
    lead: dict[str, Any]
    session: SessionState
    at: datetime
    held_back: int = 0
    """Messages that wait, too, but are left for the next turn."""

    def oldest_alone(self) -> View:
        """The view with only the oldest of what waits, for a turn that may end badly because of one message."""
        waiting = self.waiting[:1]
        if len(waiting) == len(self.waiting):
            return self
        return replace(self, waiting=waiting, held_back=self.held_back + len(self.waiting) - len(waiting))

    def up_to(self, seq: int) -> View:
        """The view with what waits up to this `seq`, for a turn that saw no more; whole if that is nothing."""
        waiting = [row for row in self.waiting if row.seq <= seq]
        if not waiting or len(waiting) == len(self.waiting):
            return self
        return replace(self, waiting=waiting, held_back=self.held_back + len(self.waiting) - len(waiting))


_messages = table(Message)

_columns = (
    *(_messages.c[name] for name in ("id", "seq", "direction", "author", "kind", "address")),
    *(_messages.c[name] for name in ("text", "state", "error", "attempts", "replays", "attachments", "choices")),
    *(_messages.c[name] for name in ("created_at", "sent_at")),
)

NEWEST = prepared(
    sa.select(*_columns)
    .where(_messages.c.conversation_id == sa.bindparam("b_conversation"), _messages.c.seq > sa.bindparam("b_after"))
    .order_by(_messages.c.seq.desc())
    .limit(HISTORY_MESSAGES),
    _messages,
)

OLDER_OPEN = prepared(
    sa.select(*_columns)
    .where(
        _messages.c.conversation_id == sa.bindparam("b_conversation"),
        _messages.c.seq < sa.bindparam("b_seq"),
        sa.literal_column(f"messages.state IN {OPEN_STATES}"),  # literal, so that the partial index is used
    )
    .order_by(_messages.c.seq),
    _messages,
)


def look(scope: Scope, lease: Lease, known: Known) -> View:
    """Load the conversation within a transaction that also proves the lease; notes the newest `seq` seen.

    Raises `FenceLost`."""
    lease.next_seq = hold(scope, lease)
    return load(scope, lease, known)


def load(scope: Scope, lease: Lease, known: Known) -> View:
    """Load the conversation in the transaction that took the lease, or in one that proved it.

    Its moment is when the lease was noted, or later: on PostgreSQL a message may be committed between the two."""
    session = known.sessions.get(scope, lease.conversation_id, lease.session_version)
    rows = _newest(scope, lease, session)
    if session.summary_seq and lease.next_seq - 1 > (rows[-1].seq if rows else 0):
        # No message has the last number: a person came, or had one tried again that the summary has. On PostgreSQL, who
        # waited for them to note the lease was told of the session as it was before.
        session = known.sessions.get(scope, lease.conversation_id, sessions.version(scope, lease.conversation_id))
        rows = _newest(scope, lease, session)
    if len(rows) == HISTORY_MESSAGES:  # open ones may be older than the window
        older = scope.execute(OLDER_OPEN, b_conversation=lease.conversation_id, b_seq=rows[0].seq).all()
        rows = [*older, *rows]
    return View(
        waiting=[row for row in rows if row.state == "waiting"],
        unsent=[row for row in rows if row.state in ("pending", "sending")],
        past=[row for row in rows if row.state != "waiting" and not _unseen(row)],
        session=session,
        lead=known.leads.get(scope, lease.lead_id, lease.lead_version),
        at=max(lease.noted_at, rows[-1].created_at) if rows else lease.noted_at,
    )


def _newest(scope: Scope, lease: Lease, session: SessionState) -> Sequence[AnyRow]:
    return scope.execute(NEWEST, b_conversation=lease.conversation_id, b_after=session.summary_seq).all()[::-1]


def _unseen(row: AnyRow) -> bool:
    """Whether the customer surely never saw this reply, so that the model must not believe it was said."""
    return row.direction == "out" and row.state in ("failed", "suppressed")
