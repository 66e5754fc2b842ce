"""Leads as cells of a CSV file: the columns there are, and cells that no spreadsheet takes for a formula."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from receptionist.errors import LeadError
from receptionist.services.leads.lead_fields import OwnField
from receptionist.services.leads.lead_values import CUSTOM, FIELDS
from receptionist.services.leads.lead_words import folded

READ_ONLY = ("id", "strategy_id", "interaction_count", "first_contact_at", "last_contact_at", "created_at")
"""Columns of an export that an import passes over."""
MOST_COLUMNS = 200
IGNORED = "-"
"""What `--map` says for a column that is not to be imported."""

_ALSO = {
    "full name": "name",
    "e mail": "email",
    "e mail address": "email",
    "email address": "email",
    "mail": "email",
    "phone number": "phone",
    "telephone": "phone",
    "mobile": "phone",
    "organisation": "company",
    "organization": "company",
    "note": "notes",
    "time zone": "timezone",
    "tag": "tags",
}
"""Other names of columns, as `_plain` gives them."""

_FORMULA = "=+\\-@\t\r\n＝＋－＠"
_RISKY = re.compile(f"'*[{_FORMULA}]")
_MADE_SAFE = re.compile(f"'+[{_FORMULA}]")


def safe(cell: str) -> str:
    """The cell with an apostrophe before what a spreadsheet would run (OWASP, "CSV Injection")."""
    return f"'{cell}" if _RISKY.match(cell) else cell


def plain(cell: str) -> str:
    """The cell without the apostrophe that `safe` put there."""
    return cell[1:] if _MADE_SAFE.match(cell) else cell


def safe_lines(text: str, separator: str) -> str:
    """Lines that could not be read as cells, with an apostrophe before each place where a cell may begin a formula."""
    return re.sub(f"(^|{separator})(\"*)(?='*[=+\\-@＝＋－＠])", r"\1\2'", text, flags=re.MULTILINE)


def columns(own: Iterable[OwnField]) -> list[str]:
    """The header of an export: all fields, the account's own with `custom.` before their name, then read-only ones."""
    return [*FIELDS, *(CUSTOM + field.name for field in own), *READ_ONLY]


def cell(value: Any) -> str:
    """A value of a lead as text that can be read again."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def mapped(header: Sequence[str], own: Sequence[OwnField], said: Mapping[str, str]) -> dict[int, str]:
    """Which column holds which field, by the column's number; others are passed over.

    `said`: fields by the name of their column, as the admin says. Raises `LeadError` if that cannot be done."""
    if len(header) > MOST_COLUMNS:
        raise LeadError(f"The file has {len(header)} columns; at most {MOST_COLUMNS} can be read.")
    known = _names(own)
    wanted = {_plain(column): field for column, field in said.items()}
    if missing := [column for column in said if _plain(column) not in {_plain(name) for name in header}]:
        raise LeadError(f"The file has no column {missing[0]}; it has: {', '.join(header)}.")
    found: dict[int, str] = {}
    for number, name in enumerate(header):
        field = wanted.get(_plain(name))
        if field not in (None, IGNORED, *known.values()):
            raise LeadError(f"There is no field {field}; there are: {', '.join(sorted(set(known.values())))}.")
        field = field or known.get(_plain(name))
        if field in found.values():
            raise LeadError(f"Two columns are for {field}; say --map COLUMN={IGNORED} for the one to pass over.")
        if field is not None and field != IGNORED:
            found[number] = field
    if not {"name", "email", "phone", "company"} & set(found.values()):
        raise LeadError(
            f"No column is a name, email, phone or company; say --map COLUMN=name. It has: {', '.join(header)}."
        )
    return found


def _names(own: Sequence[OwnField]) -> dict[str, str]:
    """Fields by all names that a column may have."""
    named = {_plain(field.title): CUSTOM + field.name for field in own}
    named |= {_plain(field.name): CUSTOM + field.name for field in own}
    named |= {_plain(CUSTOM + field.name): CUSTOM + field.name for field in own}
    named |= _ALSO
    return named | {_plain(name): name for name in FIELDS}


def _plain(name: str) -> str:
    return " ".join(re.split(r"[\s_.\-]+", folded(plain(name)).strip()))
