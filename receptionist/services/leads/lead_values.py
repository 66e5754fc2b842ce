"""What an admin says of a lead, by hand or in a file: read with care, then made or changed in one place."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from receptionist import emails
from receptionist.db import AnyRow, Scope, db_now
from receptionist.errors import LeadError
from receptionist.localtime import is_timezone
from receptionist.models import Lead
from receptionist.phones import e164
from receptionist.services import accounts
from receptionist.services.leads import lead_addresses, lead_fields, lead_status, lead_tags, lead_words, leads
from receptionist.services.leads.lead_fields import OwnField
from receptionist.text import storable

FIELDS = ("name", "email", "phone", "company", "notes", "status", "language", "timezone", "tags")
"""The fields every lead has; the account's own are named "custom.NAME"."""

CUSTOM = "custom."
LONGEST_NAME = 200
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z]{4})?(-([a-z]{2}|[0-9]{3}))?(-([a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*", re.ASCII)


@dataclass(frozen=True, slots=True)
class LeadValues:
    """Values that were read and are right; what was not given is left as it is.

    `columns`: name, email, phone, company, language and timezone (None where they are to be empty), notes, status.
    `tags`: all tags of the lead, or None. `custom`: by the field's name, None to take the value away.
    """

    columns: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] | None = None
    custom: Mapping[str, lead_fields.Value | None] = field(default_factory=dict)


class LeadReader:
    """Reads what people write of leads in one account; made once for many leads."""

    def __init__(self, country: str | None, own: Iterable[OwnField]) -> None:
        self._country = country
        self._own = {CUSTOM + each.name: each for each in own}

    @property
    def names(self) -> tuple[str, ...]:
        """Every field there is."""
        return (*FIELDS, *self._own)

    def read(self, given: Mapping[str, str | Iterable[str]]) -> LeadValues:
        """The values of a lead; `given` holds text by the names of `names`, tags as a list or parted by commas.

        Empty text empties a field. Raises `LeadError`, whose `fields` name what is wrong with which field."""
        columns: dict[str, Any] = {}
        custom: dict[str, lead_fields.Value | None] = {}
        tags: tuple[str, ...] | None = None
        wrong: dict[str, str] = {}
        for name, value in given.items():
            try:
                if name == "tags":
                    tags = lead_tags.read_all(value.split(",") if isinstance(value, str) else value)
                elif name in self._own:
                    text = str(value).strip()
                    custom[name.removeprefix(CUSTOM)] = self._own[name].read(text) if text else None
                else:
                    columns[name] = self._column(name, str(value))
            except LeadError as error:
                wrong[name] = str(error)
        if wrong:
            raise _refusal(wrong)
        return LeadValues(columns, tags, custom)

    def _column(self, name: str, text: str) -> str | None:
        if name not in FIELDS:
            raise LeadError(f"There is no such field; there are: {', '.join(self.names)}.")
        text = storable(text).strip()
        if name == "phone":
            return self._phone(text) if text else None
        if not text:
            return {"notes": "", "status": "new"}.get(name)
        return _READERS[name](text)

    def _phone(self, text: str) -> str:
        if number := e164(text, self._country):
            return number
        without = "" if self._country else ", or give the account a country"
        raise LeadError(f"This is not a phone number; write it with its country code, such as +49 30 123456{without}.")


def reader(scope: Scope) -> LeadReader:
    """A reader for the account's country and fields as they are now."""
    return LeadReader(accounts.country(scope), lead_fields.listed(scope))


def create(scope: Scope, values: LeadValues, by: str) -> int:
    """Make a lead of these values; returns its id.

    Raises `LeadError` if they tell of nobody, or if another lead has the e-mail address or phone number, naming it in
    `fields`."""
    if not any(map(values.columns.get, lead_words.SOURCES)):
        raise LeadError("A lead needs a name, an e-mail address, a phone number or a company; give at least one.")
    held = _vouched(scope, None, values.columns)
    columns = {**values.columns, "custom": _filled({}, values.custom)}
    lead_id = scope.insert(Lead, **columns)
    lead_addresses.vouch(scope, lead_id, held)
    lead_words.keep(scope, lead_id, lead_words.of(*map(columns.get, lead_words.SOURCES)), new=True)
    lead_tags.put(scope, lead_id, values.tags or (), ())
    if (status := columns.get("status", "new")) != "new":
        lead_status.note(scope, lead_id, "new", status, by)
    return lead_id


def update(scope: Scope, lead_id: int, values: LeadValues, by: str) -> tuple[str, ...]:
    """Change a lead, or the one it was merged into; returns the names of the fields that are different now.

    Raises `LeadError`, as `create` does or if there is no such lead."""
    row = leads.lock(scope, lead_id)
    columns = {name: value for name, value in values.columns.items() if value != getattr(row, name)}
    held = _vouched(scope, row, columns)
    custom = _filled(row.custom, values.custom)
    changed = [*columns, *(CUSTOM + name for name in values.custom if custom.get(name) != row.custom.get(name))]
    if values.tags is not None and lead_tags.put(scope, row.id, values.tags, lead_tags.of(scope, row.id)):
        changed.append("tags")
    if not changed:
        return ()
    new = {**columns, "custom": custom, "version": Lead.version + 1, "updated_at": db_now()}
    scope.run(scope.update(Lead).where(Lead.id == row.id).values(**new))
    lead_addresses.vouch(scope, row.id, held, before=row)
    if not columns.keys().isdisjoint(lead_words.SOURCES):
        now = (columns.get(name, getattr(row, name)) for name in lead_words.SOURCES)
        lead_words.keep(scope, row.id, lead_words.of(*now))
    if "status" in columns:
        lead_status.note(scope, row.id, row.status, columns["status"], by)
    return tuple(changed)


def tag(scope: Scope, lead_id: int, more: Iterable[str], less: Iterable[str] = ()) -> bool:
    """Give a lead some tags and take others away; False if nothing changed. Raises `LeadError`."""
    new, gone = lead_tags.read_all(more), set(lead_tags.read_all(less))
    row = leads.lock(scope, lead_id)
    before = lead_tags.of(scope, row.id)
    if not lead_tags.put(scope, row.id, [each for each in {*before, *new} if each not in gone], before):
        return False
    values = {"version": Lead.version + 1, "updated_at": db_now()}
    scope.run(scope.update(Lead).where(Lead.id == row.id).values(**values))
    return True


def add_note(scope: Scope, lead_id: int, text: str) -> None:
    """Write a note below those there are; the oldest go when they grow too long. Raises `LeadError`."""
    note = storable(text).strip()
    if not 0 < len(note) <= leads.MAX_NOTES:
        raise LeadError(f"A note has 1 to {leads.MAX_NOTES} characters.")
    row = leads.lock(scope, lead_id)
    values = {"notes": leads.joined_notes(row.notes, note), "version": Lead.version + 1, "updated_at": db_now()}
    scope.run(scope.update(Lead).where(Lead.id == row.id).values(**values))


def _vouched(scope: Scope, row: AnyRow | None, columns: Mapping[str, Any]) -> dict[str, str | None]:
    """The e-mail and phone that change, which no other lead may have. Raises `LeadError`."""
    held = {kind: columns[kind] for kind in lead_addresses.KINDS if kind in columns}
    wrong: dict[str, str] = {}
    for kind, value in held.items():
        other = lead_addresses.holder(scope, kind, value) if value else None
        if other is not None and (row is None or other != row.id):
            wrong[kind] = f"Lead {other} has it already; if they are one person, merge them."
    if wrong:
        raise _refusal(wrong)
    return held


def _filled(before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**before, **given}.items() if value is not None}


def _refusal(wrong: Mapping[str, str]) -> LeadError:
    return LeadError(" ".join(f"{name}: {why}" for name, why in wrong.items()), wrong)


def _line(text: str) -> str:
    """A name on one line, without what terminals obey; any script and direction is right."""
    plain = " ".join("".join(" " if unicodedata.category(each) == "Cc" else each for each in text).split())
    if len(plain) > LONGEST_NAME:
        raise LeadError(f"This is longer than {LONGEST_NAME} characters.")
    return plain


def _email(text: str) -> str:
    if found := emails.address(text):
        return found
    raise LeadError("This is not an e-mail address; write it like ada@example.org.")


def _notes(text: str) -> str:
    if len(text) > leads.MAX_NOTES:
        raise LeadError(f"These are longer than {leads.MAX_NOTES} characters.")
    return text


def _language(text: str) -> str:
    """A tag of BCP 47 as it is usually written: "de", "pt-BR", "zh-Hans-CN"."""
    plain = text.replace("_", "-").lower()
    if len(plain) > 35 or not _LANGUAGE.fullmatch(plain):
        raise LeadError("This is not a language; write it like de, pt-BR or zh-Hans (BCP 47).")
    first, *rest = plain.split("-")
    return "-".join([first, *({2: part.upper(), 4: part.title()}.get(len(part), part) for part in rest)])


def _timezone(text: str) -> str:
    if not is_timezone(text):
        raise LeadError("There is no such time zone; write one like Europe/Berlin.")
    return text


_READERS: dict[str, Callable[[str], str]] = {
    "name": _line,
    "company": _line,
    "email": _email,
    "notes": _notes,
    "status": lead_status.read,
    "language": _language,
    "timezone": _timezone,
}
