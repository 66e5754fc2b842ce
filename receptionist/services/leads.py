"""Leads: who writes, and what is learned about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from receptionist.contracts.channel import Sender
from receptionist.db import AnyRow, Scope, db_now, prepared
from receptionist.errors import NotFound
from receptionist.models import Identity, Lead, table

MAX_NOTES = 8000


_leads = table(Lead)
GET = prepared(sa.select(_leads).where(_leads.c.id == sa.bindparam("b_lead")), _leads)


@dataclass(frozen=True, slots=True)
class LeadChange:
    """What was learned; None leaves a field as it is, `note` is appended."""

    name: str | None = None
    email: str | None = None
    phone: str | None = None
    company: str | None = None
    note: str | None = None

    def fields(self) -> tuple[str, ...]:
        """The names of the fields that change."""
        found = tuple(name for name in ("name", "email", "phone", "company") if getattr(self, name) is not None)
        return (*found, "notes") if self.note else found

    def apply_to(self, lead: dict[str, Any]) -> None:
        """Make a lead's plain values what they are after the change."""
        lead |= {name: getattr(self, name) for name in self.fields() if name != "notes"}
        if self.note:
            lead["notes"] = joined_notes(lead["notes"], self.note)


def channel_kind(channel: str) -> str:
    """The kind of an identity that is an address on a channel, apart from what is proved: "channel:sms"."""
    return f"channel:{channel}"


def add_identities(scope: Scope, lead_id: int, channel: str, sender: Sender) -> None:
    """Remember the addresses a channel proved; one that another lead has stays with that lead."""
    proved = (
        (channel_kind(channel), sender.address),
        ("email", sender.verified_email),
        ("phone", sender.verified_phone),
    )
    for kind, value in proved:
        if value is not None and _owner(scope, kind, value) is None:
            scope.insert(Identity, lead_id=lead_id, kind=kind, value=value)


def create(scope: Scope, sender: Sender) -> int:
    """A new lead from what its channel says of it; returns its id."""
    return scope.insert(Lead, name=sender.name, email=sender.verified_email, phone=sender.verified_phone)


def owner_of(scope: Scope, *, email: str | None, phone: str | None) -> int | None:
    """The lead with this proved e-mail or phone (E.164), if any."""
    for kind, value in (("email", email), ("phone", phone)):
        if value is not None and (found := _owner(scope, kind, value)) is not None:
            return found
    return None


def change(scope: Scope, lead_id: int, learned: LeadChange) -> None:
    """Fill in what was learned about a lead."""
    values: dict[str, Any] = {name: getattr(learned, name) for name in learned.fields() if name != "notes"}
    if learned.note:
        row = scope.first(scope.select(Lead, Lead.notes).where(Lead.id == lead_id).with_for_update())
        values["notes"] = joined_notes(row.notes if row else "", learned.note)
    if values:
        scope.run(scope.update(Lead).where(Lead.id == lead_id).values(**values, updated_at=db_now()))


def joined_notes(notes: str, more: str) -> str:
    """Notes with another one below; the oldest are dropped when they grow too long."""
    return f"{notes}\n{more}".strip()[-MAX_NOTES:]


def get(scope: Scope, lead_id: int) -> dict[str, Any]:
    """The lead as it is now, as plain values. Raises `NotFound`."""
    row = scope.execute(GET, b_lead=lead_id).first()
    if row is None:
        raise NotFound("There is no such lead.")
    return plain(row)


def plain(row: AnyRow) -> dict[str, Any]:
    """A lead as plain values, for prompts, tools and plugins."""
    return {name: getattr(row, name) for name in ("id", "name", "email", "phone", "company", "notes")}


def _owner(scope: Scope, kind: str, value: str) -> int | None:
    row = scope.first(scope.select(Identity, Identity.lead_id).where(Identity.kind == kind, Identity.value == value))
    return int(row.lead_id) if row else None
