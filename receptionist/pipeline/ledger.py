"""The ledger of a turn's tool calls: no effect happens twice, even if the process dies in the middle.

A call is committed as started before it runs, and as done together with the changes it asked for. A worker that
takes a dead one's turn over sees what was done and does not do it again; a call that was started and
not finished is made again only if the tool is idempotent (with the same key) or changes nothing but our own
rows, which were not changed, for they are committed with the result.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from receptionist.agents.claims.backing import PERSON_BACKS, Earlier
from receptionist.agents.context import Callback, Change, Ended, PersonRequest, Posted, SessionChange
from receptionist.contracts.events import ConversationEnded, Event, LeadChanged, PersonRequested, ToolCalled
from receptionist.db import Scope, db_now
from receptionist.errors import Interrupted
from receptionist.models import Conversation, Message, ToolCall, Turn
from receptionist.parts import Parts
from receptionist.pipeline import goals, post
from receptionist.pipeline.lease import Lease, guarded, hold
from receptionist.services.conversations import conversations, handover, sessions, tasks
from receptionist.services.conversations.confirmations import Awaited, Settled
from receptionist.services.conversations.sessions import SessionState
from receptionist.services.leads import leads
from receptionist.services.leads.leads import LeadChange

MAX_RESULT = 8000
"""Characters of a result that are kept and shown to the model."""
GIVEN_UP = "The process broke off in the middle of this call; it is not known whether it was done."
"""The result of a call that nobody takes up again."""


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

    def __init__(self, parts: Parts, lease: Lease, strategy_version_id: int | None) -> None:
        self._parts = parts
        self._lease = lease
        self._version = strategy_version_id
        self._number = 0
        self._resumed = lease.turn_id is None
        self._begun = time.monotonic()

    @property
    def acted(self) -> bool:
        """Whether any call of this turn was begun; from then on the turn is finished, not begun anew."""
        return self._lease.turn_id is not None

    def past(self) -> list[LedgeredCall]:
        """The calls that an earlier worker made in this very turn, in order; who asks settles those that are not."""
        if self._lease.turn_id is None:
            return []
        self._resumed = True
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

    def before(self) -> Earlier:
        """What tools, and persons, did in this conversation; asked only where a reply claims what no call did."""
        conversation_id = self._lease.conversation_id
        with self._parts.database.read() as connection:
            scope = Scope(connection, self._lease.account_id)
            called = (
                scope.select(ToolCall, ToolCall.name)
                .join(Turn, Turn.id == ToolCall.turn_id)
                .where(Turn.conversation_id == conversation_id, ToolCall.state == "done")
            )
            asked = scope.select(Conversation, Conversation.person_requested_at).where(
                Conversation.id == conversation_id
            )
            wrote = scope.select(Message, Message.id).where(
                Message.conversation_id == conversation_id,
                Message.author == "person",
                Message.seq >= self._lease.next_seq - PERSON_BACKS,
            )
            names = frozenset(row.name for row in scope.all(called.distinct()))
            request = scope.first(asked)
            person_wrote = scope.first(wrote.limit(1)) is not None
        return Earlier(names, request is not None and request.person_requested_at is not None, person_wrote)

    def begin(self, name: str, arguments: str) -> LedgeredCall:
        """Commit that a call is about to be made. Raises `FenceLost`, or `Interrupted` where the agent is silent by
        now: nothing is done for a customer whom a person has, or who refused messages, while an answer was written."""
        self._begun = time.monotonic()
        with self._parts.database.begin(durable=True) as connection:
            scope = Scope(connection, self._lease.account_id)
            hold(scope, self._lease)
            if self._lease.with_person or self._lease.opted_out:
                raise Interrupted("a person took over, or the customer opted out, before a tool was called")
            turn_id = self._turn(scope)
            number = self._number + 1
            call_id = scope.insert(
                ToolCall, turn_id=turn_id, number=number, name=name, arguments=arguments, state="started"
            )
            row = scope.first(scope.select(ToolCall, ToolCall.started_at).where(ToolCall.id == call_id))
        self._lease.turn_id, self._lease.acted_seq = turn_id, self._lease.seen_seq
        self._number = number
        assert row is not None
        return LedgeredCall(call_id, number, name, arguments, "started", None, row.started_at)

    def finish(self, call: LedgeredCall, state: str, result: str, changes: Sequence[Change] = ()) -> None:
        """Commit the call's result together with the changes it asked for, and tell of them. Raises `FenceLost`."""
        minutes = self._parts.directory.office(self._lease.account_id, self._lease.revision).person_minutes
        with self._parts.database.begin() as connection:
            scope = Scope(connection, self._lease.account_id)
            hold(scope, self._lease)
            scope.run(
                scope.update(ToolCall)
                .where(ToolCall.id == call.id)
                .values(state=state, result=result[:MAX_RESULT], finished_at=db_now())
            )
            posted = [each for each in changes if isinstance(each, Posted)]  # first, as they hold the lead: no deadlock
            rings = [post.put(self._parts, scope, self._lease.lead_id, each) for each in posted]
            events = [event for change in changes if (event := self._apply(scope, change, minutes)) is not None]
            events += self._remember(scope, call, result, [each for each in changes if isinstance(each, SessionChange)])
        if not any(isinstance(change, Awaited) for change in changes):  # nothing was called yet: the customer is asked
            events.insert(0, self._called(call, state))
        for event in events:
            self._parts.emit(event)
        for conversation_id in rings:
            self._parts.ring(conversation_id)

    def give_up(self) -> None:
        """Settle the calls that a dead worker began in a turn that no agent took up again: the next turns, and who
        watches, learn that nobody knows what became of them, and what was agreed to for them must be asked anew.
        Raises `FenceLost`."""
        for call in () if self._resumed else self.past():
            if call.state == "started":
                self.finish(call, "unknown", GIVEN_UP, (Settled(call.name),))

    def key(self, call: LedgeredCall) -> str:
        """The call's idempotency key; with the time in it, for ids begin anew in another or a restored database."""
        return f"turn-{self._lease.turn_id}-call-{call.number}-{call.started_at.timestamp() * 1000:.0f}"

    def _turn(self, scope: Scope) -> int:
        """The turn, begun if need be; one that goes on with more than it saw keeps that it did, for who ends it."""
        lease = self._lease
        if lease.turn_id is None:
            return open_turn(scope, lease, self._version)
        if lease.acted_seq != lease.seen_seq:
            scope.run(scope.update(Turn).where(Turn.id == lease.turn_id).values(trace=_seen(lease)))
        return lease.turn_id

    def _called(self, call: LedgeredCall, state: str) -> Event:
        lease, seconds = self._lease, time.monotonic() - self._begun
        assert lease.turn_id is not None
        return ToolCalled(lease.account_id, lease.conversation_id, lease.turn_id, call.name, state, seconds)

    def _remember(self, scope: Scope, call: LedgeredCall, result: str, changes: Sequence[SessionChange]) -> list[Event]:
        """Keep the call, and what it changed of the goals, for the conversation's next turns; tells of the goals."""

        def apply(state: SessionState) -> SessionState:
            for change in changes:
                state = change.apply(state)
            return sessions.with_call(state, call.name, call.arguments, result)

        return goals.change(scope, self._lease, apply)

    def _apply(self, scope: Scope, change: Change, minutes: int) -> Event | None:
        """`minutes`: how long a customer who was promised a person waits."""
        lease = self._lease
        if isinstance(change, LeadChange):
            leads.change(scope, lease.lead_id, change)
            return LeadChanged(lease.account_id, lease.lead_id, change.fields())
        if isinstance(change, Callback):
            tasks.agree_callback(scope, lease.conversation_id, lease.lead_id, lease.turn_id, change.text, change.due_at)
        elif isinstance(change, Ended) and conversations.end(scope, lease.conversation_id, change.reason):
            return ConversationEnded(lease.account_id, lease.conversation_id, change.reason)
        if not isinstance(change, PersonRequest):
            return None
        handover.ask_for_person(scope, lease.conversation_id, f"{change.reason}: {change.summary}", minutes)
        return PersonRequested(lease.account_id, lease.conversation_id, change.reason, change.summary)


def open_turn(scope: Scope, lease: Lease, strategy_version_id: int | None) -> int:
    """Make the turn's row and note it on the conversation, so that the next worker finds it."""
    turn_id = scope.insert(
        Turn,
        conversation_id=lease.conversation_id,
        strategy_version_id=strategy_version_id,
        state="running",
        trace=_seen(lease),
    )
    scope.run(guarded(scope, lease).values(turn_id=turn_id))
    return turn_id


def _seen(lease: Lease) -> dict[str, int]:
    """What a turn that was begun keeps until it is recorded."""
    return {"seen_seq": lease.seen_seq}
