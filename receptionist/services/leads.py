"""Leads: who writes, and what is learned about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from receptionist.contracts.messages import Sender
from receptionist.db import AnyRow, Scope, db_now, prepared
from receptionist.errors import NotFound
from receptionist.models import Identity, Lead, LeadTag, table
from receptionist.phones import e164, proved
from receptionist.services import accounts

MAX_NOTES = 8000
PLAIN = ("id", "name", "email", "phone", "company", "notes", "status", "language", "timezone")


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
    """Remember the addresses a channel proved; an e-mail or phone that another lead has stays with that lead.

    Raises `IntegrityError` if another lead has the address on the channel: another process made it just now."""
    scope.insert(Identity, lead_id=lead_id, kind=channel_kind(channel), value=sender.address)
    for kind, value in (("email", sender.verified_email), ("phone", _phone(sender))):
        if value is not None and _owner(scope, kind, value) is None:
            scope.insert(Identity, lead_id=lead_id, kind=kind, value=value)


def create(scope: Scope, sender: Sender) -> int:
    """A new lead from what its channel says of it; returns its id."""
    return scope.insert(Lead, name=sender.name, email=sender.verified_email, phone=_phone(sender))


def owner_of(scope: Scope, *, email: str | None, phone: str | None) -> int | None:
    """The lead with this proved e-mail or phone, if any; the phone as anybody in the account's country writes it."""
    if email is not None and (found := _owner(scope, "email", email)) is not None:
        return found
    number = number_of(scope, phone) if phone is not None else None
    return _owner(scope, "phone", number) if number is not None else None


def number_of(scope: Scope, phone: str) -> str | None:
    """A phone number as somebody of the account wrote it, in E.164; None if it cannot be read."""
    return proved(phone) or e164(phone, accounts.country(scope))


def change(scope: Scope, lead_id: int, learned: LeadChange) -> None:
    """Fill in what was learned about a lead."""
    values: dict[str, Any] = {name: getattr(learned, name) for name in learned.fields() if name != "notes"}
    if learned.note:
        row = scope.first(scope.select(Lead, Lead.notes).where(Lead.id == lead_id).with_for_update())
        values["notes"] = joined_notes(row.notes if row else "", learned.note)
    if values:
        scope.run(
            scope.update(Lead).where(Lead.id == lead_id).values(**values, version=Lead.version + 1, updated_at=db_now())
        )


def joined_notes(notes: str, more: str) -> str:
    """Notes with another one below; the oldest are dropped when they grow too long."""
    return f"{notes}\n{more}".strip()[-MAX_NOTES:]


def get(scope: Scope, lead_id: int) -> dict[str, Any]:
    """The lead as it is now, as plain values. Raises `NotFound`."""
    return with_version(scope, lead_id)[1]


def with_version(scope: Scope, lead_id: int) -> tuple[int, dict[str, Any]]:
    """The lead's version and plain values. Raises `NotFound`."""
    row = scope.execute(GET, b_lead=lead_id).first()
    if row is None:
        raise NotFound("There is no such lead.")
    tags = scope.all(scope.select(LeadTag, LeadTag.tag).where(LeadTag.lead_id == lead_id).order_by(LeadTag.tag))
    return row.version, plain(row, [each.tag for each in tags])


def plain(row: AnyRow, tags: list[str]) -> dict[str, Any]:
    """A lead as plain values, for prompts, tools and plugins."""
    return {name: getattr(row, name) for name in PLAIN} | {"custom": dict(row.custom), "tags": tags}


def _phone(sender: Sender) -> str | None:
    """The proved number in E.164; None for one that is none, such as a short code."""
    return proved(sender.verified_phone) if sender.verified_phone else None


def _owner(scope: Scope, kind: str, value: str) -> int | None:
    row = scope.first(scope.select(Identity, Identity.lead_id).where(Identity.kind == kind, Identity.value == value))
    return int(row.lead_id) if row else None
