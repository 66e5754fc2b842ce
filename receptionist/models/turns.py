"""Turns and their tool calls."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from receptionist.models.base import Base, BigId, Made, Moment, Owned, Ref, belongs_to, owned


class Turn(Owned, Base):
    """One run of the agent over all that waits in a conversation.

    States: running → done, silent or failed. It stays running when its worker dies; the next one goes on with the
    same turn, and its tool calls that are done are not made again. `started_at` is when the row was made, at the
    first tool call or at the end; `seconds` is how long the turn took. `ticket` names the turn in live events
    (`turn` there), which begin before there is a row. `cost`: millionths of a US dollar, None where no price is
    known. `trace`: what was shown, each round and the time of each step, see `agents.trace`.
    """

    __tablename__ = "turns"
    __table_args__ = owned(
        belongs_to("conversations", "conversation_id"),
        belongs_to("strategy_versions", "strategy_version_id"),
        sa.Index(None, "account_id", "conversation_id", "id"),
        sa.CheckConstraint("state IN ('running', 'done', 'silent', 'failed')", name="state"),
    )

    conversation_id: Mapped[Ref]
    strategy_version_id: Mapped[Ref | None]
    ticket: Mapped[int | None] = mapped_column(BigId)
    state: Mapped[str] = mapped_column(sa.String(10))
    model: Mapped[str | None] = mapped_column(sa.String(120))
    input_tokens: Mapped[int] = mapped_column(insert_default=0)
    output_tokens: Mapped[int] = mapped_column(insert_default=0)
    cached_tokens: Mapped[int] = mapped_column(insert_default=0)
    reasoning_tokens: Mapped[int] = mapped_column(insert_default=0)
    cost: Mapped[int | None] = mapped_column(BigId)
    trace: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    error: Mapped[str | None] = mapped_column(sa.Text)
    started_at: Mapped[Made]
    seconds: Mapped[float | None]


class ToolCall(Owned, Base):
    """One ledgered effect of a turn. States: started → done, failed or unknown (it may have acted)."""

    __tablename__ = "tool_calls"
    __table_args__ = owned(
        belongs_to("turns", "turn_id"),
        sa.UniqueConstraint("turn_id", "number"),
        sa.CheckConstraint("state IN ('started', 'done', 'failed', 'unknown')", name="state"),
    )

    turn_id: Mapped[Ref]
    number: Mapped[int]
    name: Mapped[str] = mapped_column(sa.String(64))
    arguments: Mapped[str] = mapped_column(sa.Text)
    state: Mapped[str] = mapped_column(sa.String(10))
    result: Mapped[str | None] = mapped_column(sa.Text)
    started_at: Mapped[Made]
    finished_at: Mapped[Moment | None]
