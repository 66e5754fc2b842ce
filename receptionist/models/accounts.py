"""Accounts, lines and strategies: what an admin sets up."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from receptionist.models.base import Base, Id, Made, Moment, Owned, Ref, belongs_to, owned

FALLBACK_TEXT = "Thank you for your message. Somebody will get back to you."


class Account(Base):
    """One business: the tenant.

    `revision` grows with every change of its lines and strategies, so that every process knows when what it
    remembers is old. `credits` is None where turns are not counted. `country` (ISO 3166-1 alpha-2) is where numbers
    without a country code are from. `limits`: see `contracts.limits.Limits`, what is not in it is the default.
    `person_minutes`: how long a customer who was promised a person waits before the agent takes a message.
    """

    __tablename__ = "accounts"
    __table_args__ = (
        sa.CheckConstraint("credits >= 0", name="credits"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(sa.String(200), unique=True)
    timezone: Mapped[str] = mapped_column(sa.String(64))
    revision: Mapped[int] = mapped_column(insert_default=1)
    credits: Mapped[int | None]
    country: Mapped[str | None] = mapped_column(sa.String(2))
    limits: Mapped[dict[str, Any]] = mapped_column(sa.JSON, server_default="{}")
    person_minutes: Mapped[int] = mapped_column(server_default=sa.text("15"))
    created_at: Mapped[Made]


class Strategy(Owned, Base):
    """Who the agent is and how it behaves; the published version answers, as long as the strategy is `active`.

    `draft`: fields that are being edited, as far as they were saved; None where they are those of the published
    version. `draft_revision` grows with every save and publication, so that two editors do not
    overwrite each other.
    """

    __tablename__ = "strategies"
    __table_args__ = owned(sa.UniqueConstraint("account_id", "name"))

    name: Mapped[str] = mapped_column(sa.String(200))
    description: Mapped[str] = mapped_column(sa.Text, server_default="")
    active: Mapped[bool] = mapped_column(server_default=sa.true())
    published_number: Mapped[int | None]
    draft: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    draft_revision: Mapped[int] = mapped_column(server_default=sa.text("0"))
    draft_by: Mapped[str | None] = mapped_column(sa.String(200))
    draft_at: Mapped[Moment | None]
    created_at: Mapped[Made]


class StrategyVersion(Owned, Base):
    """One state of a strategy's fields (`contracts.strategy.StrategyFields`); published, and never changed.

    The newest answers: rolling back publishes the fields of an older one once more, and `note` says so."""

    __tablename__ = "strategy_versions"
    __table_args__ = owned(
        belongs_to("strategies", "strategy_id"), sa.UniqueConstraint("account_id", "strategy_id", "number")
    )

    strategy_id: Mapped[Ref]
    number: Mapped[int]
    fields: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    created_at: Mapped[Made]
    published_at: Mapped[Moment | None]
    published_by: Mapped[str | None] = mapped_column(sa.String(200))
    note: Mapped[str] = mapped_column(sa.String(500), server_default="")


class Line(Owned, Base):
    """One configured address on a channel. `key` is its public name in URLs; `secrets` holds sealed fields.

    `strict_order`: customers are answered in the order in which they wrote, one after the other. `asked_at` and
    `ask_due_at`: when the vendor was last asked for missed messages, and is asked next. `trouble`: what a vendor said
    is wrong with the line. `fallback_text`: what customers get while no strategy can answer them here.
    """

    __tablename__ = "lines"
    __table_args__ = owned(belongs_to("strategies", "strategy_id"))

    channel: Mapped[str] = mapped_column(sa.String(40))
    key: Mapped[str] = mapped_column(sa.String(64), unique=True)
    title: Mapped[str] = mapped_column(sa.String(200))
    address: Mapped[str] = mapped_column(sa.String(320))
    settings: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    secrets: Mapped[dict[str, str]] = mapped_column(sa.JSON)
    strategy_id: Mapped[Ref | None]
    active: Mapped[bool] = mapped_column(insert_default=True)
    strict_order: Mapped[bool] = mapped_column(server_default=sa.false())
    asked_at: Mapped[Moment | None]
    ask_due_at: Mapped[Moment | None]
    trouble: Mapped[str | None] = mapped_column(sa.Text)
    fallback_text: Mapped[str] = mapped_column(sa.Text, server_default=FALLBACK_TEXT)
    created_at: Mapped[Made]


class CreditEntry(Owned, Base):
    """One line of the credit ledger; a turn has at most one."""

    __tablename__ = "credit_entries"
    __table_args__ = owned(belongs_to("turns", "turn_id"), sa.UniqueConstraint("turn_id"))

    turn_id: Mapped[Ref | None]
    amount: Mapped[int]
    reason: Mapped[str] = mapped_column(sa.String(200))
    created_at: Mapped[Made]
