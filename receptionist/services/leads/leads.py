"""Leads: who writes, and what is learned about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from receptionist import emails
from receptionist.contracts.messages import Sender
from receptionist.db import AnyRow, Scope, db_now, prepared
from receptionist.errors import LeadError, NotFound, Unavailable
from receptionist.models import Conversation, Identity, Lead, table
from receptionist.phones import e164, proved
from receptionist.services import accounts
from receptionist.services.leads import lead_addresses, lead_tags, lead_words

MAX_NOTES = 8000
PLAIN = ("id", "name", "email", "phone", "company", "notes", "status", "language", "timezone")


_leads = table(Lead)
GET = prepared(sa.select(_leads).where(_leads.c.id == sa.bindparam("b_lead")), _leads)
_of_one = sa.select(_leads.c.merged_into_id).where(_leads.c.id == sa.bindparam("b_lead"))
HOLD = prepared(_of_one.with_for_update(), _leads)
WAIT = prepared(_of_one.with_for_update(read=True, key_share=True), _leads)


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
    lead_addresses.prove(scope, lead_id, proved_by(sender))


def proved_by(sender: Sender) -> dict[str, str | None]:
    """The e-mail and phone that the channel proved, as they are stored; a number that is none, such as a short code,
    is left out."""
    email, phone = sender.verified_email, sender.verified_phone
    return {"email": emails.same(email) if email else None, "phone": proved(phone) if phone else None}


def create(scope: Scope, sender: Sender) -> int:
    """A new lead from what its channel says of it; returns its id."""
    values = {"name": sender.name, **proved_by(sender)}
    lead_id = scope.insert(Lead, **values)
    lead_words.keep(scope, lead_id, lead_words.of(**values, company=None), new=True)
    return lead_id


def learn(scope: Scope, lead_id: int, sender: Sender) -> tuple[str, ...]:
    """A lead that is known proved an e-mail or phone: remember it, and fill it in where none was known.

    Returns the names of the fields that were filled in. Raises `IntegrityError` as `add_identities` does."""
    new = lead_addresses.prove(scope, lead_id, proved_by(sender))
    if not new:
        return ()
    known = get(scope, lead_id)
    missing = {kind: value for kind, value in new.items() if not known[kind]}
    change(scope, lead_id, LeadChange(**missing))
    return tuple(missing)


def owner_of(scope: Scope, *, email: str | None, phone: str | None) -> int | None:
    """The lead with this proved e-mail or phone, if any; the phone as anybody in the account's country writes it."""
    if email is not None and (found := lead_addresses.holder(scope, "email", email)) is not None:
        return found
    number = number_of(scope, phone) if phone is not None else None
    return lead_addresses.holder(scope, "phone", number) if number is not None else None


def number_of(scope: Scope, phone: str) -> str | None:
    """A phone number as somebody of the account wrote it, in E.164; None if it cannot be read."""
    return proved(phone) or e164(phone, accounts.country(scope))


def change(scope: Scope, lead_id: int, learned: LeadChange) -> None:
    """Fill in what was learned about a lead."""
    values: dict[str, Any] = {name: getattr(learned, name) for name in learned.fields() if name != "notes"}
    if learned.email is not None:
        values["email"] = emails.same(learned.email)
    if learned.note:
        row = scope.first(scope.select(Lead, Lead.notes).where(Lead.id == lead_id).with_for_update(key_share=True))
        values["notes"] = joined_notes(row.notes if row else "", learned.note)
    if not values:
        return
    sources = (getattr(Lead, name) for name in lead_words.SOURCES)
    now = scope.first(
        scope.update(Lead)
        .where(Lead.id == lead_id)
        .values(**values, version=Lead.version + 1, updated_at=db_now())
        .returning(*sources)
    )
    if now is not None and not values.keys().isdisjoint(lead_words.SOURCES):
        lead_words.keep(scope, lead_id, lead_words.of(*now))
        for kind in values.keys() & set(lead_addresses.KINDS):
            lead_addresses.note_shared(scope, lead_id, kind, values[kind])


def joined_notes(notes: str, more: str) -> str:
    """Notes with another one below; the oldest are dropped when they grow too long."""
    return f"{notes}\n{more}".strip()[-MAX_NOTES:]


def find(scope: Scope, lead_id: int) -> AnyRow:
    """The row of a lead, or of the one it was merged into. Raises `LeadError`."""
    row = _current(scope, lead_id)
    if row is None:
        raise LeadError(f"There is no lead {lead_id}.")
    return row


def lock(scope: Scope, lead_id: int) -> AnyRow:
    """The row of a lead, or of the one it was merged into, which nobody else changes until the end of the
    transaction. Raises `LeadError`, `Unavailable`."""
    own = scope.select(Lead).where(Lead.id == find(scope, lead_id).id)
    row = scope.first(own.with_for_update(key_share=True))
    if row is None or row.merged_into_id is not None:
        raise Unavailable("The lead was merged or erased just now; please try again.")
    return row


def whole(scope: Scope, *lead_ids: int) -> list[AnyRow]:
    """The rows of leads, or of those they were merged into, locked with all their conversations, so that nobody adds
    to them. Conversations first, as everybody does who writes to one. Raises `LeadError`, `Unavailable`."""
    found = [find(scope, lead_id).id for lead_id in lead_ids]
    own = scope.select(Conversation, Conversation.id).where(Conversation.lead_id.in_(found)).order_by(Conversation.id)
    held = scope.all(own.with_for_update())
    locked = scope.all(scope.select(Lead).where(Lead.id.in_(found)).order_by(Lead.id).with_for_update())
    rows = {row.id: row for row in locked if row.merged_into_id is None}
    if not rows.keys() >= set(found) or scope.all(own) != held:
        raise Unavailable("The lead wrote or was changed just now; please try again.")
    return [rows[each] for each in found]


def _current(scope: Scope, lead_id: int) -> AnyRow | None:
    row = scope.execute(GET, b_lead=lead_id).first()
    while row is not None and row.merged_into_id is not None:
        row = scope.execute(GET, b_lead=row.merged_into_id).first()
    return row


def hold(scope: Scope, lead_id: int) -> bool:
    """Whether the lead is there and was not merged into another; then it stays so until the end of the transaction, and
    who is in `wait_for_conversations` waits."""
    row = scope.execute(HOLD, b_lead=lead_id).first()
    return row is not None and row.merged_into_id is None


def wait_for_conversations(scope: Scope, lead_id: int) -> None:
    """Wait for who begins a conversation with the lead just now; nobody else does until the end of the transaction, for
    whoever begins one is in `hold`."""
    scope.execute(WAIT, b_lead=lead_id)


def get(scope: Scope, lead_id: int) -> dict[str, Any]:
    """The lead as it is now, as plain values; the one it was merged into, if it was. Raises `NotFound`."""
    row = _current(scope, lead_id)
    if row is None:
        raise NotFound("There is no such lead.")
    return plain(row, lead_tags.of(scope, row.id))


def with_version(scope: Scope, lead_id: int) -> tuple[int, dict[str, Any]]:
    """The version and plain values of a lead that answers are given to. Raises `NotFound`."""
    row = scope.execute(GET, b_lead=lead_id).first()
    if row is None:
        raise NotFound("There is no such lead.")
    return row.version, plain(row, lead_tags.of(scope, lead_id))


def plain(row: AnyRow, tags: list[str]) -> dict[str, Any]:
    """A lead as plain values, for prompts, tools and plugins."""
    return {name: getattr(row, name) for name in PLAIN} | {"custom": dict(row.custom), "tags": tags}
