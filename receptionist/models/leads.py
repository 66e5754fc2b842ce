"""Leads, the addresses they write from, and what is known of them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from receptionist.models.base import Base, Made, Moment, Owned, Ref, belongs_to, owned


class Lead(Owned, Base):
    """A customer, known or not yet known by name. `version` grows with every change of what is known.

    `strategy_id`: the strategy that answers this customer, whatever the line's is; looked up among the account's.
    `custom`: values of the account's own fields (`LeadField`) by their name. `merged_into_id`: it turned out to be
    the same person as another lead, which has all its identities and conversations now. The database itself counts
    what the customer wrote (`interaction_count`, `first_contact_at`, `last_contact_at`), by a trigger on `messages`.
    `recent_at`, which lists are sorted by, is `last_contact_at`, or `created_at` before the first message.
    """

    __tablename__ = "leads"
    __table_args__ = owned(
        sa.Index(None, "account_id", "email"),
        sa.Index(None, "account_id", "phone"),
        sa.Index(None, "account_id", "recent_at", "id"),
        sa.Index(None, "account_id", "status", "recent_at", "id"),
        sa.Index(
            "ix_leads_own_strategy",
            "account_id",
            "strategy_id",
            "recent_at",
            "id",
            sqlite_where=sa.text("strategy_id IS NOT NULL"),
            postgresql_where=sa.text("strategy_id IS NOT NULL"),
        ),
    )

    name: Mapped[str | None] = mapped_column(sa.String(200))
    email: Mapped[str | None] = mapped_column(sa.String(320))
    phone: Mapped[str | None] = mapped_column(sa.String(40))
    company: Mapped[str | None] = mapped_column(sa.String(200))
    notes: Mapped[str] = mapped_column(sa.Text, insert_default="")
    status: Mapped[str] = mapped_column(sa.String(40), server_default="new")
    language: Mapped[str | None] = mapped_column(sa.String(35))
    timezone: Mapped[str | None] = mapped_column(sa.String(64))
    custom: Mapped[dict[str, Any]] = mapped_column(sa.JSON, server_default="{}")
    strategy_id: Mapped[Ref | None]
    merged_into_id: Mapped[Ref | None]
    interaction_count: Mapped[int] = mapped_column(server_default=sa.text("0"))
    first_contact_at: Mapped[Moment | None]
    last_contact_at: Mapped[Moment | None]
    recent_at: Mapped[Made]
    version: Mapped[int] = mapped_column(server_default=sa.text("1"))
    created_at: Mapped[Made]
    updated_at: Mapped[Made]


class Identity(Owned, Base):
    """An address of a lead. `kind` is "channel:" and the channel's name for one it writes from, as its channel proved;
    "email" or "phone" for one that was proved or an admin vouched for; "shared:email" or "shared:phone" for one that
    the lead wrote or proved, but that is another lead's, too. Of these four kinds `value` is the form that is compared:
    e-mail addresses without capitals, numbers in E.164."""

    __tablename__ = "identities"
    __table_args__ = owned(
        belongs_to("leads", "lead_id"),
        sa.UniqueConstraint("account_id", "kind", "value"),
        sa.Index(None, "account_id", "lead_id"),
    )

    lead_id: Mapped[Ref]
    kind: Mapped[str] = mapped_column(sa.String(40))
    value: Mapped[str] = mapped_column(sa.String(320))
    created_at: Mapped[Made]


class LeadField(Owned, Base):
    """A field of the account's own for its leads. `kind`: text, number, date, yes_no, or choice (of `choices`)."""

    __tablename__ = "lead_fields"
    __table_args__ = owned(
        sa.UniqueConstraint("account_id", "name"),
        sa.CheckConstraint("kind IN ('text', 'number', 'date', 'yes_no', 'choice')", name="kind"),
    )

    name: Mapped[str] = mapped_column(sa.String(40))
    title: Mapped[str] = mapped_column(sa.String(120))
    kind: Mapped[str] = mapped_column(sa.String(10))
    choices: Mapped[list[str]] = mapped_column(sa.JSON, server_default="[]")
    created_at: Mapped[Made]


class LeadTag(Owned, Base):
    """A tag on a lead."""

    __tablename__ = "lead_tags"
    __table_args__ = owned(
        belongs_to("leads", "lead_id"),
        sa.UniqueConstraint("account_id", "lead_id", "tag"),
        sa.Index(None, "account_id", "tag", "lead_id"),
    )

    lead_id: Mapped[Ref]
    tag: Mapped[str] = mapped_column(sa.String(40))


class LeadWord(Owned, Base):
    """A word by which a lead is found: folded words of name, company and e-mail, digits of the phone number."""

    __tablename__ = "lead_words"
    __table_args__ = owned(
        belongs_to("leads", "lead_id"),
        sa.Index(None, "account_id", "word", "lead_id"),
        sa.Index(None, "account_id", "lead_id", "word"),
    )

    lead_id: Mapped[Ref]
    word: Mapped[str] = mapped_column(sa.String(80).with_variant(sa.String(80, collation="C"), "postgresql"))


class StatusChange(Owned, Base):
    """One step of a lead's status. `by`: a person, "agent", or what else changed it."""

    __tablename__ = "status_changes"
    __table_args__ = owned(belongs_to("leads", "lead_id"), sa.Index(None, "account_id", "lead_id", "id"))

    lead_id: Mapped[Ref]
    before: Mapped[str] = mapped_column(sa.String(40))
    after: Mapped[str] = mapped_column(sa.String(40))
    by: Mapped[str] = mapped_column(sa.String(200))
    created_at: Mapped[Made]


class Consent(Owned, Base):
    """Whether a lead agreed to messages of a channel, and how that is known (`source`)."""

    __tablename__ = "consents"
    __table_args__ = owned(
        belongs_to("leads", "lead_id"),
        sa.UniqueConstraint("account_id", "lead_id", "channel"),
        sa.Index(None, "account_id", "state", "lead_id"),
        sa.CheckConstraint("state IN ('granted', 'refused')", name="state"),
    )

    lead_id: Mapped[Ref]
    channel: Mapped[str] = mapped_column(sa.String(40))
    state: Mapped[str] = mapped_column(sa.String(10))
    source: Mapped[str] = mapped_column(sa.String(200))
    changed_at: Mapped[Made]


class LeadMerge(Owned, Base):
    """Two leads that are one person: the second's identities and conversations went to the one that was kept.

    `before` (the kept lead's values) and `moved` (what the merge changed, see `services.leads.lead_merge`) are what
    un-merging needs.
    """

    __tablename__ = "lead_merges"
    __table_args__ = owned(
        belongs_to("leads", "kept_id"),
        belongs_to("leads", "merged_id"),
        sa.Index(None, "account_id", "kept_id"),
        sa.Index(None, "account_id", "merged_id"),
    )

    kept_id: Mapped[Ref]
    merged_id: Mapped[Ref]
    moved: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    before: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    by: Mapped[str] = mapped_column(sa.String(200))
    created_at: Mapped[Made]
    undone_at: Mapped[Moment | None]


class Erasure(Owned, Base):
    """The receipt that a lead was erased: no personal data, only numbers. `lead_id` was its id.

    `left` is still to be done outside the database: `files` (keys) and `memories` (model and reference) to delete,
    `event`: plugins are to hear of it, `database`: SQLite's files are to be scrubbed. `done_at`: nothing is left.
    `tries` so far, the next one at `due_at`; `error`: why the last one failed.
    """

    __tablename__ = "erasures"
    __table_args__ = owned(
        sa.Index(
            "ix_erasures_open",
            "id",
            sqlite_where=sa.text("done_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL"),
        ),
    )

    lead_id: Mapped[Ref]
    by: Mapped[str] = mapped_column(sa.String(200))
    counts: Mapped[dict[str, int]] = mapped_column(sa.JSON)
    left: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    tries: Mapped[int] = mapped_column(insert_default=0)
    due_at: Mapped[Made]
    error: Mapped[str | None] = mapped_column(sa.Text)
    created_at: Mapped[Made]
    done_at: Mapped[Moment | None]


class ErasedMessage(Owned, Base):
    """A message that was erased, as a keyed hash of its vendor's id: its vendor may hand it over once more."""

    __tablename__ = "erased_messages"
    __table_args__ = owned(
        belongs_to("lines", "line_id"),
        sa.Index(None, "line_id", "message_hash"),
        sa.Index(None, "line_id", "created_at"),
    )

    line_id: Mapped[Ref]
    message_hash: Mapped[str] = mapped_column(sa.String(64))
    created_at: Mapped[Made]


class OptOut(Owned, Base):
    """An address that refused a channel's messages, as a keyed hash: it stays when the lead is erased."""

    __tablename__ = "opt_outs"
    __table_args__ = owned(sa.UniqueConstraint("account_id", "channel", "address_hash"))

    channel: Mapped[str] = mapped_column(sa.String(40))
    address_hash: Mapped[str] = mapped_column(sa.String(64))
    created_at: Mapped[Made]
