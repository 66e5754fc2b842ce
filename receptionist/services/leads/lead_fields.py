"""Fields of an account's own for its leads, each of one kind, and reading values for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError

from receptionist.db import Scope, db_now
from receptionist.errors import LeadError
from receptionist.models import Lead, LeadField
from receptionist.services.leads.lead_words import folded
from receptionist.text import storable

KINDS = {
    "text": "any text of at most 1000 characters",
    "number": "a number such as 12 or 3.5",
    "date": "a day such as 2026-11-30",
    "yes_no": "yes or no",
    "choice": "one of its choices",
}
"""Every kind of field with what its values are."""

MOST = 50
"""Fields of one account, and choices of one field."""
LONGEST_TEXT = 1000
LONGEST_CHOICE = 100
LONGEST_TITLE = 120
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,9})?")
_SAID = {"yes": True, "true": True, "1": True, "y": True, "no": False, "false": False, "0": False, "n": False}

Value = str | int | float | bool
"""A value as it is stored and as prompts get it; a date as "2026-11-30"."""


@dataclass(frozen=True, slots=True)
class OwnField:
    """A field of the account's own. Prompts have its value as `lead.custom.NAME`."""

    id: int
    name: str
    title: str
    kind: str
    choices: tuple[str, ...]

    def read(self, text: str) -> Value:
        """The value that is meant. Raises `LeadError`."""
        return _READERS[self.kind](self, storable(text).strip())


def listed(scope: Scope) -> list[OwnField]:
    """The fields, in the order they were added; there are few."""
    rows = scope.all(scope.select(LeadField).order_by(LeadField.id))
    return [OwnField(row.id, row.name, row.title, row.kind, tuple(row.choices)) for row in rows]


def find(scope: Scope, name: str) -> OwnField:
    """One field. Raises `LeadError`."""
    fields = {field.name: field for field in listed(scope)}
    if name not in fields:
        raise LeadError(f"There is no field {name[:40]}; there are: {', '.join(fields) or 'none yet'}.")
    return fields[name]


def add(scope: Scope, name: str, kind: str, *, title: str = "", choices: Sequence[str] = ()) -> OwnField:
    """Add a field; `title` is what persons see, the name by default. Raises `LeadError`."""
    if not _NAME.fullmatch(name):
        raise LeadError("The name of a field is small letters, digits and _, at most 40, such as shoe_size.")
    if name in (*Lead.__table__.c.keys(), "tags"):
        raise LeadError(f"Every lead has {name} already; call the field something else.")
    if kind not in KINDS:
        raise LeadError(f"There is no kind {kind[:20]} of fields; there are: {', '.join(KINDS)}.")
    known = listed(scope)
    if any(field.name == name for field in known):
        raise LeadError(f"There is already a field {name}.")
    if len(known) >= MOST:
        raise LeadError(f"An account has at most {MOST} fields of its own.")
    values = {"title": _title(title or name), "choices": _choices(kind, choices)}
    try:
        scope.insert(LeadField, name=name, kind=kind, **values)
    except IntegrityError as error:
        raise LeadError(f"There is already a field {name}.") from error
    return find(scope, name)


def change(scope: Scope, name: str, *, title: str | None = None, choices: Sequence[str] | None = None) -> OwnField:
    """Change a field's title or choices; leads keep what they have. Its kind stays. Raises `LeadError`."""
    field = find(scope, name)
    if title is not None:
        scope.run(scope.update(LeadField).where(LeadField.id == field.id).values(title=_title(title)))
    if choices is not None:
        found = _choices(field.kind, choices)
        scope.run(scope.update(LeadField).where(LeadField.id == field.id).values(choices=found))
    return find(scope, name)


def remove(scope: Scope, name: str) -> int:
    """Remove a field and its value from every lead; returns how many had one. Raises `LeadError`."""
    field = find(scope, name)
    scope.run(sa.delete(LeadField).where(LeadField.account_id == scope.account_id, LeadField.id == field.id))
    if scope.connection.dialect.name == "sqlite":
        path = f"$.{name}"  # of letters, digits and _ only
        has = sa.func.json_type(Lead.custom, path).is_not(None)
        left: sa.ColumnElement[object] = sa.func.json_remove(Lead.custom, path)
    else:
        values = sa.cast(Lead.custom, JSONB)
        without = values.op("-", return_type=JSONB())(sa.cast(name, sa.Text))
        has, left = values.has_key(name), sa.cast(without, sa.JSON)
    changed = {"custom": left, "version": Lead.version + 1, "updated_at": db_now()}
    return scope.run(scope.update(Lead).where(has).values(**changed))


def _title(text: str) -> str:
    title = " ".join(storable(text).split())
    if not 0 < len(title) <= LONGEST_TITLE:
        raise LeadError(f"The title of a field has 1 to {LONGEST_TITLE} characters.")
    return title


def _choices(kind: str, choices: Sequence[str]) -> list[str]:
    found = list(dict.fromkeys(" ".join(storable(choice).split()) for choice in choices if choice.strip()))
    if (kind == "choice") != bool(found):
        raise LeadError("Name the choices of a field of kind choice, and of no other.")
    if len(found) > MOST or any(len(choice) > LONGEST_CHOICE for choice in found):
        raise LeadError(f"A field has at most {MOST} choices of at most {LONGEST_CHOICE} characters each.")
    if len({folded(choice) for choice in found}) < len(found):
        raise LeadError("Two of the choices differ in nothing but capitals or accents.")
    return found


def _text(_: OwnField, text: str) -> Value:
    if len(text) > LONGEST_TEXT:
        raise LeadError(f"This is longer than {LONGEST_TEXT} characters.")
    return text


def _number(_: OwnField, text: str) -> Value:
    if not text.isascii() or not _NUMBER.fullmatch(text):
        raise LeadError("This is not a number; write it like 12 or 3.5.")
    return float(text) if "." in text else int(text)


def _date(_: OwnField, text: str) -> Value:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise LeadError("This is not a day; write it like 2026-11-30.") from None


def _yes_no(_: OwnField, text: str) -> Value:
    if folded(text) not in _SAID:
        raise LeadError("Write yes or no.")
    return _SAID[folded(text)]


def _choice(field: OwnField, text: str) -> Value:
    for choice in field.choices:
        if folded(choice) == folded(text):
            return choice
    raise LeadError(f"This is none of the choices: {', '.join(field.choices)}.")


_READERS: dict[str, Callable[[OwnField, str], Value]] = {
    "text": _text,
    "number": _number,
    "date": _date,
    "yes_no": _yes_no,
    "choice": _choice,
}
