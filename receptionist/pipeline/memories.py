"""What is kept of a conversation at a vendor (`conversations.provider_memory`), written under the lease."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from receptionist.agents.choices import chosen
from receptionist.agents.history import trimmed
from receptionist.contracts.model import Memory, Said
from receptionist.db import AnyRow, Scope
from receptionist.models import Conversation
from receptionist.parts import Parts
from receptionist.pipeline.lease import FenceLost, Lease, guarded
from receptionist.pipeline.look import View
from receptionist.services.conversations import stretches
from receptionist.services.conversations.sessions import goals_only


class MemoryRow:
    """The column of one conversation during one turn. Nothing is read or written before it is asked for."""

    def __init__(self, parts: Parts, lease: Lease, view: View) -> None:
        self._parts, self._lease, self._view = parts, lease, view

    def load(self) -> Mapping[str, Any] | None:
        """The state as it was stored last."""
        with self._parts.database.read(once=True) as connection:
            scope = Scope(connection, self._lease.account_id)
            query = scope.select(Conversation, Conversation.provider_memory)
            row = scope.first(query.where(Conversation.id == self._lease.conversation_id))
        return row.provider_memory if row else None

    def save(self, stored: Mapping[str, Any]) -> None:
        """Commit the state. Raises `FenceLost`."""
        with self._parts.database.begin() as connection:
            scope = Scope(connection, self._lease.account_id)
            kept = scope.run(guarded(scope, self._lease).values(provider_memory=dict(stored)))
        if not kept:
            self._lease.lost.set()
            raise FenceLost("another worker took the conversation over")

    def since(self, seq: int) -> list[Said] | None:
        """What was recorded after the message `seq`, as the model is shown it; None if that message is not one that
        the customer saw, or is too long ago to be looked at."""
        past = self._view.past
        if seq and all(row.seq != seq for row in past):
            return None
        new = [row for row in past if row.seq > seq]
        session = self._view.session
        if seq:  # else the vendor knows nothing yet
            session = replace(goals_only(session), persons=tuple(stretches.after(session, seq)))
        shown = trimmed(new, self._view.waiting, session, self._parts.settings.history_tokens)
        return [*shown, *chosen(past, self._view.waiting)]


def settle(scope: Scope, lease: Lease, memory: Memory, replies: Sequence[AnyRow], *, all_answered: bool) -> None:
    """Call the vendor's copy sure again, in the transaction that records the turn.

    It stays unsure, so that the next turn mends it, where messages came that the vendor did not see before the reply
    was numbered, or where the customer will not see the reply."""
    if not all_answered or not replies or any(row.state == "suppressed" for row in replies):
        return
    stored = asdict(replace(memory, known_seq=replies[-1].seq))
    statement = scope.update(Conversation).where(Conversation.id == lease.conversation_id)
    scope.run(statement.values(provider_memory=stored))
