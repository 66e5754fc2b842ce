"""Turns as an admin looks at them: what was shown, said, called, spent, and why nothing was said."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from receptionist.db import AnyRow, Scope
from receptionist.errors import LineError
from receptionist.models import Message, Strategy, StrategyVersion, ToolCall, Turn

PAGE = 30

_SUMMARY = tuple(column for column in Turn.__table__.c if column.name != "trace")


def listed(scope: Scope, conversation_id: int | None = None, before: int | None = None) -> list[AnyRow]:
    """Turns without their traces, the newest first; of one conversation, if it is given. `before`: an id, to go on."""
    statement = scope.select(Turn, *_SUMMARY).order_by(Turn.id.desc()).limit(PAGE)
    if conversation_id is not None:
        statement = statement.where(Turn.conversation_id == conversation_id)
    if before is not None:
        statement = statement.where(Turn.id < before)
    return scope.all(statement)


def find(scope: Scope, turn_id: int) -> AnyRow:
    """A turn with its trace, and `strategy` and `version` that answered. Raises `LineError`, which names the turn that
    has this number in live events."""
    statement = (
        scope.select(Turn, *Turn.__table__.c, Strategy.name.label("strategy"), StrategyVersion.number.label("version"))
        .outerjoin(
            StrategyVersion,
            sa.and_(
                StrategyVersion.account_id == Turn.account_id,
                StrategyVersion.id == Turn.strategy_version_id,
            ),
        )
        .outerjoin(
            Strategy,
            sa.and_(Strategy.account_id == StrategyVersion.account_id, Strategy.id == StrategyVersion.strategy_id),
        )
        .where(Turn.id == turn_id)
    )
    row = scope.first(statement)
    if row is None:
        raise LineError(f"There is no turn {turn_id}.{_in_live_events(scope, turn_id)}")
    return row


def _in_live_events(scope: Scope, ticket: int) -> str:
    """Which turn the number stands for in live events, as a sentence; empty if it is none of these either."""
    row = scope.first(scope.select(Turn, Turn.id).where(Turn.ticket == ticket).order_by(Turn.id.desc()).limit(1))
    return f" In a chat's live events it is the number of turn {row.id}." if row else ""


def message_id(scope: Scope, conversation_id: int, seq: int) -> int | None:
    """The id of a message, by which lists name it; None if it is gone."""
    own = (Message.conversation_id == conversation_id, Message.seq == seq)
    row = scope.first(scope.select(Message, Message.id).where(*own))
    return row.id if row else None


def messages(scope: Scope, turn_id: int) -> list[AnyRow]:
    """What the turn answered, and what it said, in order."""
    return scope.all(scope.select(Message).where(Message.turn_id == turn_id).order_by(Message.seq))


def delivered_after(said: Sequence[AnyRow]) -> float | None:
    """Seconds from the moment the reply was recorded until its last part was known to be sent, pauses between attempts
    included; 0 where clients fetch what is recorded, None where nothing went out, something still may, or nobody knows
    when. `said`: see `messages`."""
    if any(row.direction == "out" and row.state in ("pending", "sending") for row in said):
        return None
    sent = [row for row in said if row.direction == "out" and row.state == "sent"]
    fetched = [0.0 for row in sent if row.sent_at is None and not row.attempts]
    return max(
        ((row.sent_at - row.created_at).total_seconds() for row in sent if row.sent_at),
        default=max(fetched, default=None),
    )


def tool_calls(scope: Scope, turn_id: int) -> list[AnyRow]:
    """The turn's tool calls, in order."""
    return scope.all(scope.select(ToolCall).where(ToolCall.turn_id == turn_id).order_by(ToolCall.number))
