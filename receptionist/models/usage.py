"""What turns used and cost, by day and by month."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from receptionist.models.base import Base, BigId, Owned, Ref, owned


class UsageDay(Owned, Base):
    """Sums of one day (in the account's zone) of the account, a line or a lead, by which limits are judged.

    `kind`: account, line or lead; `subject_id` its id. `tokens`: in and out. `cost`: millionths of a US dollar.
    """

    __tablename__ = "usage_days"
    __table_args__ = owned(
        sa.UniqueConstraint("account_id", "day", "kind", "subject_id"),
        sa.CheckConstraint("kind IN ('account', 'line', 'lead')", name="kind"),
    )

    day: Mapped[date] = mapped_column(sa.Date)
    kind: Mapped[str] = mapped_column(sa.String(10))
    subject_id: Mapped[int] = mapped_column(BigId)
    turns: Mapped[int] = mapped_column(insert_default=0)
    tokens: Mapped[int] = mapped_column(BigId, insert_default=0)
    cost: Mapped[int] = mapped_column(BigId, insert_default=0)


class UsageMonth(Owned, Base):
    """Sums of a lead's days in one calendar month (in the account's zone), by which those that used most are found.

    `month`: its first day. Its lead may be gone, for a turn's usage is written a second later; hence no foreign key.
    """

    __tablename__ = "usage_months"
    __table_args__ = owned(
        sa.UniqueConstraint("account_id", "lead_id", "month"),
        sa.Index(None, "account_id", "month", "tokens", "turns", "lead_id"),
    )

    lead_id: Mapped[Ref]
    month: Mapped[date] = mapped_column(sa.Date)
    turns: Mapped[int] = mapped_column(insert_default=0)
    tokens: Mapped[int] = mapped_column(BigId, insert_default=0)
    cost: Mapped[int] = mapped_column(BigId, insert_default=0)


class ModelPrice(Owned, Base):
    """What an account pays for a model, in millionths of a US dollar for a million tokens. `model` may end in "*"."""

    __tablename__ = "model_prices"
    __table_args__ = owned(sa.UniqueConstraint("account_id", "model"))

    model: Mapped[str] = mapped_column(sa.String(120))
    input: Mapped[int] = mapped_column(BigId)
    cached: Mapped[int] = mapped_column(BigId)
    output: Mapped[int] = mapped_column(BigId)
