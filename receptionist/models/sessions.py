"""What conversations are about between their turns, and what is left for persons to do."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from receptionist.models.base import Base, Made, Moment, Owned, Ref, belongs_to, owned


class Session(Owned, Base):
    """What a conversation is about between turns. `version` grows with every change; a writer names the one it read.

    `goals`: see `contracts.session.Goal`, the open ones and the last closed ones. `calls`: the newest tool calls with
    their results, shortened. `pending`: those that wait for the customer's confirmation. `summary` is of all messages
    up to `summary_seq`. `persons`: when persons had the conversation, see `services.stretches`.
    """

    __tablename__ = "sessions"
    __table_args__ = owned(
        belongs_to("conversations", "conversation_id"), sa.UniqueConstraint("account_id", "conversation_id")
    )

    conversation_id: Mapped[Ref]
    version: Mapped[int] = mapped_column(insert_default=1)
    goals: Mapped[list[dict[str, Any]]] = mapped_column(sa.JSON)
    calls: Mapped[list[dict[str, str]]] = mapped_column(sa.JSON)
    pending: Mapped[list[dict[str, Any]]] = mapped_column(sa.JSON)
    persons: Mapped[list[dict[str, Any]]] = mapped_column(sa.JSON, insert_default=list)
    summary: Mapped[str] = mapped_column(sa.Text, insert_default="")
    summary_seq: Mapped[int] = mapped_column(insert_default=0)
    updated_at: Mapped[Made]


class Task(Owned, Base):
    """Something a person has to do about a conversation. `kind`: callback, claim (the agent was about to say that
    something was done which was not), message (taken down while no model answered), or limit.

    `due_at`: when, if a time was agreed. `done_at` and `done_by`: who did it.
    """

    __tablename__ = "tasks"
    __table_args__ = owned(
        belongs_to("conversations", "conversation_id"),
        belongs_to("leads", "lead_id"),
        belongs_to("turns", "turn_id"),
        sa.Index(None, "account_id", "lead_id"),
        sa.Index(None, "account_id", "conversation_id"),
        sa.Index(
            "ix_tasks_open",
            "account_id",
            "id",
            sqlite_where=sa.text("done_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL"),
        ),
        sa.CheckConstraint("kind IN ('callback', 'claim', 'message', 'limit')", name="kind"),
    )

    conversation_id: Mapped[Ref]
    lead_id: Mapped[Ref]
    turn_id: Mapped[Ref | None]
    kind: Mapped[str] = mapped_column(sa.String(10))
    text: Mapped[str] = mapped_column(sa.Text)
    due_at: Mapped[Moment | None]
    done_at: Mapped[Moment | None]
    done_by: Mapped[str | None] = mapped_column(sa.String(200))
    created_at: Mapped[Made]
