"""Step 8: what a turn came to, in one fenced transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import sqlalchemy as sa

from receptionist.contracts.model import Usage
from receptionist.db import AnyRow, Scope, db_now
from receptionist.errors import Interrupted
from receptionist.models import Conversation, Message, Turn
from receptionist.parts import Parts
from receptionist.pipeline.lease import FenceLost, Lease, guarded
from receptionist.services import accounts


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
    seconds: float = 0.0
    """How long the turn took."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was committed: the turn, the reply's rows, which to send, and whether the lease was given back."""

    turn_id: int
    replies: Sequence[AnyRow]
    unsent: Sequence[AnyRow]
    released: bool


def record(
    parts: Parts, lease: Lease, outcome: Outcome, waiting: Sequence[AnyRow], *, pull: bool, restartable: bool
) -> Recorded:
    """Commit turn, reply, credits and the state of the answered messages together.

    With `pull` delivery recording is delivering, so the lease goes back in the same transaction unless newer
    messages came. Raises `FenceLost`, or `Newer` where the answer may still be begun anew (`restartable`).
    """
    with parts.database.begin() as connection:
        scope = Scope(connection, lease.account_id)
        first_seq, newer = _advance(scope, lease, len(outcome.parts), pull)
        if newer and restartable:
            raise Newer("a newer message came")
        turn_id = _close_turn(scope, lease, outcome)
        if outcome.charged and not accounts.charge_turn(scope, turn_id):
            lease.credits = 0
            raise Newer("the last credit was just used")
        replies = _insert_replies(scope, lease, outcome, turn_id, first_seq, "sent" if pull else "pending")
        _settle_waiting(scope, waiting, outcome, turn_id)
    lease.turn_id = None
    lease.attempts = 0
    if not newer:
        lease.next_seq = first_seq + len(replies)
    return Recorded(turn_id, replies, [] if pull else replies, released=pull and not newer)


def _advance(scope: Scope, lease: Lease, count: int, pull: bool) -> tuple[int, bool]:
    """Take `count` numbers; gives the lease back if nothing newer came and there is nothing to send."""
    nothing_newer = Conversation.next_seq == lease.next_seq
    gives_back = sa.and_(nothing_newer, sa.true() if pull else sa.false())
    statement = (
        guarded(scope, lease)
        .values(
            next_seq=Conversation.next_seq + count,
            last_message_at=db_now() if count else Conversation.last_message_at,
            attempts=0,
            turn_id=None,
            lease_owner=sa.case((gives_back, None), else_=lease.owner),
            lease_until=sa.case((gives_back, None), else_=Conversation.lease_until),
            due_at=sa.case((gives_back, None), else_=Conversation.due_at),
        )
        .returning(Conversation.next_seq)
    )
    next_seq = scope.connection.execute(statement).scalar_one_or_none()
    if next_seq is None:
        lease.lost.set()
        raise FenceLost("another worker took the conversation over")
    first = int(next_seq) - count
    return first, first > lease.next_seq


def _close_turn(scope: Scope, lease: Lease, outcome: Outcome) -> int:
    values: dict[str, Any] = {
        "strategy_version_id": outcome.strategy_version_id,
        "ticket": outcome.ticket,
        "state": outcome.state,
        "model": outcome.model,
        "input_tokens": outcome.usage.input,
        "output_tokens": outcome.usage.output,
        "cached_tokens": outcome.usage.cached,
        "reasoning_tokens": outcome.usage.reasoning,
        "error": outcome.error,
        "finished_at": db_now(),
    }
    if lease.turn_id is None:
        started = db_now(-outcome.seconds)
        return scope.insert(Turn, conversation_id=lease.conversation_id, started_at=started, **values)
    scope.run(scope.update(Turn).where(Turn.id == lease.turn_id).values(**values))
    return lease.turn_id


def _insert_replies(
    scope: Scope, lease: Lease, outcome: Outcome, turn_id: int, first_seq: int, state: str
) -> list[AnyRow]:
    if not outcome.parts:
        return []
    rows = [
        {
            "account_id": lease.account_id,
            "conversation_id": lease.conversation_id,
            "lead_id": lease.lead_id,
            "line_id": lease.line_id,
            "seq": first_seq + part,
            "direction": "out",
            "author": "agent",
            "text": text,
            "state": state,
            "turn_id": turn_id,
            "part": part,
        }
        for part, text in enumerate(outcome.parts)
    ]
    columns = (Message.id, Message.seq, Message.text, Message.state, Message.attempts, Message.created_at)
    statement = sa.insert(Message).values(rows).returning(*columns)
    return sorted(scope.connection.execute(statement).all(), key=lambda row: row.seq)


def _settle_waiting(scope: Scope, waiting: Sequence[AnyRow], outcome: Outcome, turn_id: int) -> None:
    states = {"done": "answered", "silent": "silent", "failed": "failed"}
    scope.run(
        scope.update(Message)
        .where(Message.id.in_([row.id for row in waiting]), Message.state == "waiting")
        .values(state=states[outcome.state], turn_id=turn_id, error=outcome.error)
    )
