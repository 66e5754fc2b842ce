"""Step 8: what a turn came to, in one fenced transaction."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Any, Literal

import sqlalchemy as sa

from receptionist.agents.take_message import Step
from receptionist.contracts.events import Event
from receptionist.contracts.model import Memory, Usage
from receptionist.db import AnyRow, Scope, db_now, prepared
from receptionist.errors import Interrupted
from receptionist.models import Conversation, Message, ToolCall, Turn, table
from receptionist.parts import Parts
from receptionist.pipeline import memories, persons, taking
from receptionist.pipeline.lease import ARCHIVED, FATE, FenceLost, Lease
from receptionist.services import accounts
from receptionist.services.conversations import handover
from receptionist.services.leads.leads import LeadChange

_conversations, _messages, _turns = table(Conversation), table(Message), table(Turn)


def _advance_statement(*, release: bool) -> Any:
    columns = _conversations.c
    released = sa.and_(columns.next_seq == sa.bindparam("b_next_seq"), sa.true() if release else sa.false())
    return prepared(
        sa.update(_conversations)
        .where(
            columns.id == sa.bindparam("b_conversation"),
            columns.fence == sa.bindparam("b_fence"),
            columns.lease_owner == sa.bindparam("b_owner"),
        )
        .values(
            next_seq=columns.next_seq + sa.bindparam("b_count", type_=sa.Integer),
            last_message_at=db_now(),
            attempts=0,
            turn_id=None,
            lease_owner=sa.case((released, None), else_=columns.lease_owner),
            lease_until=sa.case((released, None), else_=columns.lease_until),
            due_at=sa.case((released, None), else_=columns.due_at),
            state=sa.case((released, ARCHIVED), else_=columns.state),
        )
        .returning(
            columns.next_seq,
            columns.address,
            *FATE,
        ),
        _conversations,
    )


ADVANCE = _advance_statement(release=False)
ADVANCE_AND_RELEASE = _advance_statement(release=True)
"""Gives the lease back too, if no newer message came."""

INSERT_TURN = sa.insert(_turns).returning(_turns.c.id)
INSERT_REPLY = sa.insert(_messages).returning(
    *(_messages.c[name] for name in ("id", "seq", "author", "address", "text", "state", "attempts", "attachments")),
    _messages.c.choices,
    _messages.c.replays,
    _messages.c.created_at,
)
SETTLE = prepared(
    sa.update(_messages)
    .where(_messages.c.id == sa.bindparam("b_id"), _messages.c.state == "waiting")
    .values(state=sa.bindparam("b_state"), turn_id=sa.bindparam("b_turn"), error=sa.bindparam("b_error")),
    _messages,
)


class Newer(Interrupted):
    """A newer message came before the reply was recorded; nothing was written."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a turn ended. `parts`: the reply's messages; none for a silent turn. `error` is for the admin."""

    state: Literal["done", "silent", "failed"]
    parts: Sequence[str]
    model: str | None = None
    usage: Usage = field(default_factory=Usage)
    error: str | None = None
    strategy_version_id: int | None = None
    charged: bool = False
    ticket: int | None = None
    person: str | None = None
    """Why a person is asked for, if one is."""
    limit: bool = False
    """`person` names a limit that was reached, of which persons are told once a day."""
    silent_for: timedelta | None = None
    """How long the agent is silent from now on, unless a person hands the conversation back."""
    cost: int | None = None
    """Millionths of a US dollar; None where no price is known."""
    withheld: str | None = None
    """What the agent was about to say without having done it: a task for a person."""
    nobody_came: bool = False
    """It tells the customer that the person who was asked for is not free."""
    trace: Mapping[str, Any] | None = None
    """What was shown and done, see `agents.trace`."""
    seconds: float = 0.0
    """How long the turn took."""
    choices: Sequence[str] = ()
    """What the customer may choose from, below the last part."""
    memory: Memory | None = None
    """What a vendor that keeps the conversation has of it now, if it has all of this turn."""
    step: Step | None = None
    """What is kept of a message that is taken while no model answers."""


NOTHING_LEARNED = LeadChange()


class Road(Enum):
    """How a reply reaches the customer, which says what its messages are once they are recorded."""

    FETCHED = "sent"
    """Clients fetch what is recorded: recording is delivering."""
    SENT_NOW = "sending"
    """It is sent next by the one who records it, over a channel that can tell later what became of it."""
    SENT_CAREFULLY = "pending"
    """It is marked once more before it is sent, for nobody can tell later whether it went out."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was committed: the turn, the reply's rows, which to send, and whether the lease was given back."""

    turn_id: int
    replies: Sequence[AnyRow]
    unsent: Sequence[AnyRow]
    released: bool
    more: bool = False
    """Whether messages wait that the turn did not look at, so that the lease must not go back yet."""
    person: str | None = None
    """Why a person was asked for, if one was."""
    learned: LeadChange = NOTHING_LEARNED
    """What a step of taking a message found out about the lead."""
    goals: Sequence[Event] = ()
    """What is to be told of the goals that it set or closed."""


def record(
    parts: Parts,
    lease: Lease,
    outcome: Outcome,
    waiting: Sequence[AnyRow],
    road: Road,
    *,
    restartable: bool,
    more: bool,
) -> Recorded:
    """Commit turn, reply, credits and the state of the answered messages together.

    Where clients fetch, the lease goes back in the same transaction unless newer messages came, or `more` wait. A
    reply that may not be sent any more (the customer opted out, a person took over) is suppressed. Raises
    `FenceLost`, or `Newer` where the answer may still be begun anew (`restartable`).
    """
    begun = time.monotonic()
    then_release = road is Road.FETCHED and not more
    with parts.database.begin(durable=road is Road.SENT_NOW) as connection:
        scope = Scope(connection, lease.account_id)
        first_seq = _advance(scope, lease, len(outcome.parts), then_release)
        newer = first_seq > lease.next_seq
        if newer and restartable:
            raise Newer("a newer message came")
        turn_id = _close_turn(scope, lease, outcome, begun)
        if outcome.charged and not accounts.charge_turn(scope, turn_id):
            lease.credits = 0
            raise Newer("the last credit was just used")
        replies = _insert_replies(scope, lease, outcome, turn_id, first_seq, road)
        _settle_waiting(scope, waiting, outcome, turn_id)
        if outcome.memory is not None:
            memories.settle(scope, lease, outcome.memory, replies, all_answered=not (newer or more))
        learned, told = (NOTHING_LEARNED, []) if outcome.step is None else taking.keep(scope, lease, outcome.step)
        person = persons.ask(scope, lease, outcome, turn_id)
        if outcome.nobody_came:
            handover.promise_kept(scope, lease.conversation_id)
            lease.person_is_late = False
    lease.turn_id = None
    lease.attempts = 0
    if not newer:
        lease.next_seq = first_seq + len(replies)
    unsent = [row for row in replies if row.state in ("pending", "sending")]
    return Recorded(turn_id, replies, unsent, then_release and not newer, more, person, learned, told)


def _advance(scope: Scope, lease: Lease, count: int, then_release: bool) -> int:
    """Take `count` numbers, and note what changed meanwhile; with `then_release` gives the lease back if nothing
    newer came. Returns the first number."""
    row = scope.execute(
        ADVANCE_AND_RELEASE if then_release else ADVANCE,
        b_conversation=lease.conversation_id,
        b_fence=lease.fence,
        b_owner=lease.owner,
        b_count=count,
        b_next_seq=lease.next_seq,
    ).first()
    if row is None:
        lease.lost.set()
        raise FenceLost("another worker took the conversation over")
    lease.note(row)
    return int(row.next_seq) - count


def _traced(trace: Mapping[str, Any] | None, begun: float) -> dict[str, Any]:
    """The trace with the time of this step until now, the last moment that can be written into the turn's row."""
    before = trace or {}
    return {**before, "steps": {**before.get("steps", {}), "record": round(time.monotonic() - begun, 3)}}


def _close_turn(scope: Scope, lease: Lease, outcome: Outcome, begun: float) -> int:
    values: dict[str, Any] = {
        "strategy_version_id": outcome.strategy_version_id,
        "ticket": outcome.ticket,
        "state": outcome.state,
        "model": outcome.model,
        "input_tokens": outcome.usage.input,
        "output_tokens": outcome.usage.output,
        "cached_tokens": outcome.usage.cached,
        "reasoning_tokens": outcome.usage.reasoning,
        "cost": outcome.cost,
        "error": outcome.error,
        "seconds": outcome.seconds,
        "trace": _traced(outcome.trace, begun),
    }
    if lease.turn_id is None:
        values |= {"account_id": lease.account_id, "conversation_id": lease.conversation_id}
        return int(scope.connection.execute(INSERT_TURN, values).scalar_one())
    scope.run(scope.update(Turn).where(Turn.id == lease.turn_id).values(**values))
    unfinished = (ToolCall.turn_id == lease.turn_id, ToolCall.state == "started")
    scope.run(scope.update(ToolCall).where(*unfinished).values(state="unknown"))
    return lease.turn_id


def _insert_replies(
    scope: Scope, lease: Lease, outcome: Outcome, turn_id: int, first_seq: int, road: Road
) -> list[AnyRow]:
    rows = [
        {
            "account_id": lease.account_id,
            "conversation_id": lease.conversation_id,
            "lead_id": lease.lead_id,
            "line_id": lease.line_id,
            "seq": first_seq + part,
            "direction": "out",
            "address": lease.address,
            "author": "agent",
            "text": text,
            **_fate(lease, part, road),
            "turn_id": turn_id,
            "part": part,
            "choices": list(outcome.choices) if outcome.choices and part == len(outcome.parts) - 1 else None,
        }
        for part, text in enumerate(outcome.parts)
    ]
    return [scope.connection.execute(INSERT_REPLY, row).one() for row in rows]


def _fate(lease: Lease, part: int, road: Road) -> dict[str, Any]:
    """The state of a part of the reply, the moment it is recorded."""
    values: dict[str, Any] = {"state": road.value, "attempts": 0, "error": None}
    if lease.opted_out or lease.with_person:
        reason = "the customer opted out" if lease.opted_out else "a person took over"
        return values | {"state": "suppressed", "error": reason}
    if road is not Road.SENT_NOW:
        return values
    if part > 0:
        return values | {"state": "pending"}
    return values | {"attempts": 1}


def _settle_waiting(scope: Scope, waiting: Sequence[AnyRow], outcome: Outcome, turn_id: int) -> None:
    states = {"done": "answered", "silent": "silent", "failed": "failed"}
    values = {"b_state": states[outcome.state], "b_turn": turn_id, "b_error": outcome.error}
    scope.execute_each(SETTLE, [{"b_id": row.id, **values} for row in waiting])
