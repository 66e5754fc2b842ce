"""Conversations and their messages: the inbox and the outbox."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from receptionist.models.base import Base, Made, Moment, Owned, Ref, belongs_to, owned

OPEN_STATES = ("waiting", "pending", "sending")
"""States of messages that somebody still has to work on."""

POSTED = "messages.author = 'agent' AND messages.turn_id IS NULL"
"""Messages that the agent wrote besides replies, on another channel; few."""

LISTED = {"ix_conversations_wanting": "person_requested_at", "ix_conversations_archived": "archived_at"}
"""Indexes of the few conversations that have this column, for lists of them."""


class Conversation(Owned, Base):
    """A lead on a line, and who works on it now.

    `address` is where the lead wrote from last, and where replies go. `due_at`: when there is something to do, else
    None; the sweeper goes by it. `lease_owner`, `lease_until` and `fence` give one worker at a time the right to
    write (a late one is refused by its old fence). `attempts` counts workers that died holding the lease. `turn_id`
    is the turn that was begun and is not over. `person_requested_at`: the agent asked for a person. `person` has the
    conversation until `person_until`, and the agent is silent. `person_due_at`: a person who was asked for has not
    come by then, and the agent takes a message. `opted_out_at`: the customer refused messages of
    this channel. `archived_at`: another strategy than `archived_from_strategy_id` answers the customer from then on,
    in a new conversation; one with work left stays open until it is done. `provider_memory`: what a vendor that
    keeps the conversation must be told to find it, see `contracts.model.Memory`.
    """

    __tablename__ = "conversations"
    __table_args__ = owned(
        belongs_to("leads", "lead_id"),
        belongs_to("lines", "line_id"),
        sa.Index(None, "account_id", "lead_id"),
        sa.Index(
            "uq_conversations_open",
            "line_id",
            "lead_id",
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        ),
        sa.Index(
            "ix_conversations_due_at",
            "due_at",
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        ),
        *(
            sa.Index(
                name,
                "account_id",
                "id",
                sqlite_where=sa.text(f"{column} IS NOT NULL"),
                postgresql_where=sa.text(f"{column} IS NOT NULL"),
            )
            for name, column in LISTED.items()
        ),
        sa.Index(
            "ix_conversations_person_due_at",
            "person_due_at",
            sqlite_where=sa.text("person_due_at IS NOT NULL"),
            postgresql_where=sa.text("person_due_at IS NOT NULL"),
        ),
        sa.CheckConstraint("state IN ('open', 'archived')", name="state"),
    )

    lead_id: Mapped[Ref]
    line_id: Mapped[Ref]
    address: Mapped[str] = mapped_column(sa.String(320))
    state: Mapped[str] = mapped_column(sa.String(10), insert_default="open")
    next_seq: Mapped[int] = mapped_column(insert_default=1)
    due_at: Mapped[Moment | None]
    lease_owner: Mapped[str | None] = mapped_column(sa.String(64))
    lease_until: Mapped[Moment | None]
    fence: Mapped[int] = mapped_column(insert_default=0)
    attempts: Mapped[int] = mapped_column(insert_default=0)
    turn_id: Mapped[Ref | None]
    person_requested_at: Mapped[Moment | None]
    person_reason: Mapped[str | None] = mapped_column(sa.Text)
    person: Mapped[str | None] = mapped_column(sa.String(200))
    person_until: Mapped[Moment | None]
    person_due_at: Mapped[Moment | None]
    opted_out_at: Mapped[Moment | None]
    archived_at: Mapped[Moment | None]
    archived_by: Mapped[str | None] = mapped_column(sa.String(200))
    archived_from_strategy_id: Mapped[Ref | None]
    archived_to_strategy_id: Mapped[Ref | None]
    provider_memory: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    created_at: Mapped[Made]
    last_message_at: Mapped[Made]


class Message(Owned, Base):
    """One message, in or out; `seq` orders it within its conversation.

    Inbound states: waiting → answered, silent (nobody should answer) or failed. Outbound states: pending → sending
    → sent, unknown (perhaps sent), failed or suppressed (the customer refused it, or a person took over).
    `provider_message_id` is unique on the line, in its direction, for ever. `address` is where the message came
    from, or goes to. `replays` counts how often a person had it sent, or answered, again; `doubted_at` is when they
    did that although it was perhaps sent: the customer may have it from then, whatever became of it since.
    `delivery` is how far it got, as its vendor reports it; `code` is the vendor's reason why it failed.
    `attachments`: `contracts.messages.Attachment` as plain values, with `key` and `size` once stored, or `error`.
    `choices`: answers the customer may choose from.
    """

    __tablename__ = "messages"
    __table_args__ = owned(
        belongs_to("conversations", "conversation_id"),
        belongs_to("leads", "lead_id"),
        belongs_to("lines", "line_id"),
        belongs_to("turns", "turn_id"),
        sa.UniqueConstraint("line_id", "direction", "provider_message_id"),
        sa.UniqueConstraint("conversation_id", "seq"),
        sa.UniqueConstraint("turn_id", "part"),
        sa.Index("ix_messages_transcript", "lead_id", "line_id", "id"),
        sa.Index(
            "ix_messages_open",
            "conversation_id",
            "seq",
            sqlite_where=sa.text(f"state IN {OPEN_STATES}"),
            postgresql_where=sa.text(f"state IN {OPEN_STATES}"),
        ),
        sa.Index(
            "ix_messages_trouble",
            "account_id",
            "id",
            sqlite_where=sa.text("state IN ('failed', 'unknown')"),
            postgresql_where=sa.text("state IN ('failed', 'unknown')"),
        ),
        sa.Index(
            "ix_messages_posted",
            "account_id",
            "id",
            sqlite_where=sa.text(POSTED.replace("messages.", "")),
            postgresql_where=sa.text(POSTED.replace("messages.", "")),
        ),
        sa.CheckConstraint("direction IN ('in', 'out')", name="direction"),
    )

    conversation_id: Mapped[Ref]
    lead_id: Mapped[Ref]
    line_id: Mapped[Ref]
    seq: Mapped[int]
    direction: Mapped[str] = mapped_column(sa.String(3))
    address: Mapped[str] = mapped_column(sa.String(320))
    author: Mapped[str] = mapped_column(sa.String(20))
    kind: Mapped[str] = mapped_column(sa.String(20), insert_default="text")
    text: Mapped[str] = mapped_column(sa.Text)
    state: Mapped[str] = mapped_column(sa.String(12))
    provider_message_id: Mapped[str | None] = mapped_column(sa.String(400))
    turn_id: Mapped[Ref | None]
    part: Mapped[int | None]
    attempts: Mapped[int] = mapped_column(insert_default=0)
    replays: Mapped[int] = mapped_column(server_default=sa.text("0"))
    doubted_at: Mapped[Moment | None]
    error: Mapped[str | None] = mapped_column(sa.Text)
    code: Mapped[str | None] = mapped_column(sa.String(40))
    delivery: Mapped[str | None] = mapped_column(sa.String(10))
    attachments: Mapped[list[dict[str, Any]] | None] = mapped_column(sa.JSON(none_as_null=True))
    choices: Mapped[list[str] | None] = mapped_column(sa.JSON(none_as_null=True))
    sent_at: Mapped[Moment | None]
    created_at: Mapped[Made]
