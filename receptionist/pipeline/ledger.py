"""The ledger of a turn's tool calls: no effect happens twice, even if the process dies in the middle.

A call is committed as started before it runs, and as done together with the changes it asked for. A worker that
takes a dead one's turn over sees what was done and does not do it again; a call that was started and
not finished is made again only if the tool is idempotent (with the same key) or changes nothing but our own
rows, which were not changed, for they are committed with the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from receptionist.agents.context import PersonRequest
from receptionist.contracts.events import Event, LeadChanged, PersonRequested
from receptionist.db import Scope, db_now
from receptionist.models import Conversation, ToolCall, Turn
from receptionist.parts import Parts
from receptionist.pipeline.lease import Lease, guarded, hold
from receptionist.services import leads
from receptionist.services.leads import LeadChange

MAX_RESULT = 8000
"""Characters of a result that are kept and shown to the model."""


@dataclass(frozen=True, slots=True)
class LedgeredCall:
    """A call of this turn as it stands in the ledger."""

    id: int
    number: int
    name: str
    arguments: str
    state: str
    result: str | None
    started_at: datetime


class Ledger:
    """The tool calls of one turn, written under the conversation's lease."""

    def __init__(self, parts: Parts, lease: Lease, strategy_version_id: int) -> None:
        self._parts = parts
        self._lease = lease
        self._version = strategy_version_id
        self._number = 0

    @property
    def acted(self) -> bool:
        """Whether any call of this turn was begun; from then on the turn is finished, not begun anew."""
        return self._lease.turn_id is not None

    def past(self) -> list[LedgeredCall]:
        """The calls that an earlier worker made in this very turn, in order."""
        if self._lease.turn_id is None:
            return []
        with self._parts.database.read(once=True) as connection:
            scope = Scope(connection, self._lease.account_id)
            columns = [getattr(ToolCall, each.name) for each in fields(LedgeredCall)]
            rows = scope.all(
                scope.select(ToolCall, *columns)
                .where(ToolCall.turn_id == self._lease.turn_id)
                .order_by(ToolCall.number)
            )
        calls = [LedgeredCall(**row._mapping) for row in rows]
        self._number = calls[-1].number if calls else 0
        return calls

    def begin(self, name: str, arguments: str) -> LedgeredCall:
        """Commit that a call is about to be made. Raises `FenceLost`."""
        with self._parts.database.begin(durable=True) as connection:
            scope = Scope(connection, self._lease.account_id)
            hold(scope, self._lease)
            turn_id = self._lease.turn_id or open_turn(scope, self._lease, self._version)
            number = self._number + 1
            call_id = scope.insert(
                ToolCall, turn_id=turn_id, number=number, name=name, arguments=arguments, state="started"
            )
            row = scope.first(scope.select(ToolCall, ToolCall.started_at).where(ToolCall.id == call_id))
        self._lease.turn_id = turn_id
        self._number = number
        assert row is not None
        return LedgeredCall(call_id, number, name, arguments, "started", None, row.started_at)

    def finish(
        self, call: LedgeredCall, state: str, result: str, changes: Sequence[LeadChange | PersonRequest] = ()
    ) -> None:
        """Commit the call's result together with the changes it asked for. Raises `FenceLost`."""
        with self._parts.database.begin() as connection:
            scope = Scope(connection, self._lease.account_id)
            hold(scope, self._lease)
            scope.run(
                scope.update(ToolCall)
                .where(ToolCall.id == call.id)
                .values(state=state, result=result[:MAX_RESULT], finished_at=db_now())
            )
            events = [self._apply(scope, change) for change in changes]
        for event in events:
            self._parts.emit(event)

    def key(self, call: LedgeredCall) -> str:
        """The call's idempotency key; with the time in it, for ids begin anew in another or a restored database."""
        return f"turn-{self._lease.turn_id}-call-{call.number}-{call.started_at.timestamp() * 1000:.0f}"

    def _apply(self, scope: Scope, change: LeadChange | PersonRequest) -> Event:
        lease = self._lease
        if isinstance(change, LeadChange):
            leads.change(scope, lease.lead_id, change)
            return LeadChanged(lease.account_id, lease.lead_id, change.fields())
        values: dict[str, Any] = {
            "person_requested_at": db_now(),
            "person_reason": f"{change.reason}: {change.summary}",
        }
        scope.run(scope.update(Conversation).where(Conversation.id == lease.conversation_id).values(values))
        return PersonRequested(lease.account_id, lease.conversation_id, change.reason, change.summary)


def open_turn(scope: Scope, lease: Lease, strategy_version_id: int | None) -> int:
    """Make the turn's row and note it on the conversation, so that the next worker finds it."""
    turn_id = scope.insert(
        Turn, conversation_id=lease.conversation_id, strategy_version_id=strategy_version_id, state="running"
    )
    scope.run(guarded(scope, lease).values(turn_id=turn_id))
    return turn_id
