"""Leads and the addresses they write from."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from receptionist.models.base import Base, Made, Owned, Ref, belongs_to, owned


class Lead(Owned, Base):
    """A customer, known or not yet known by name. `version` grows with every change of what is known."""

    __tablename__ = "leads"
    __table_args__ = owned(
        sa.Index(None, "account_id", "email"),
        sa.Index(None, "account_id", "phone"),
    )

    name: Mapped[str | None] = mapped_column(sa.String(200))
    email: Mapped[str | None] = mapped_column(sa.String(320))
    phone: Mapped[str | None] = mapped_column(sa.String(40))
    company: Mapped[str | None] = mapped_column(sa.String(200))
    notes: Mapped[str] = mapped_column(sa.Text, insert_default="")
    version: Mapped[int] = mapped_column(server_default=sa.text("1"))
    created_at: Mapped[Made]
    updated_at: Mapped[Made]


class Identity(Owned, Base):
    """An address a lead writes from, proved by its channel. `kind` is "channel:" and the channel's
    name for an address on it, or "email" or "phone" for one that was proved."""

    __tablename__ = "identities"
    __table_args__ = owned(belongs_to("leads", "lead_id"), sa.UniqueConstraint("account_id", "kind", "value"))

    lead_id: Mapped[Ref]
    kind: Mapped[str] = mapped_column(sa.String(40))
    value: Mapped[str] = mapped_column(sa.String(320))
    created_at: Mapped[Made]


class OptOut(Owned, Base):
    """An address that refused a channel's messages, as a keyed hash: it stays when the lead is erased."""

    __tablename__ = "opt_outs"
    __table_args__ = owned(sa.UniqueConstraint("account_id", "channel", "address_hash"))

    channel: Mapped[str] = mapped_column(sa.String(40))
    address_hash: Mapped[str] = mapped_column(sa.String(64))
    created_at: Mapped[Made]
