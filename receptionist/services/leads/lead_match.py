"""Which lead a row of a file is about, and what of the row that lead contradicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import sqlalchemy as sa

from receptionist.db import Scope
from receptionist.errors import LeadError
from receptionist.models import Lead, LeadWord
from receptionist.services.leads import lead_addresses, lead_words, leads
from receptionist.services.leads.lead_values import LeadValues


class Nameless(LeadError):
    """A row tells of nobody: no e-mail, no phone, no name or company with a letter. Exports have such rows, of visitors
    who never said who they are."""


def known(scope: Scope, values: LeadValues, written_of: int | None = None) -> int | None:
    """The lead that a row is about: the one with its e-mail or phone, or, of a row with neither, one of the very same
    name and company that has neither. Raises `LeadError` if these are several, and `Nameless`.

    `written_of`: the number of the lead that an export says the row is of. If that lead still has one of the row's
    addresses (or, as the row, none, and its name) the row is about no other one, whoever else is known to have them."""
    columns = values.columns
    if written_of is not None and (own := _still_having(scope, written_of, columns)) is not None:
        return own
    found = {kind: _with(scope, kind, columns[kind]) for kind in lead_addresses.KINDS if columns.get(kind)}
    ids = {lead_id for lead_id in found.values() if lead_id is not None}
    if len(ids) > 1:
        raise LeadError(f"The e-mail is lead {found['email']}'s and the phone lead {found['phone']}'s; merge the two.")
    return next(iter(ids), None) if found else _alike(scope, columns)


def contradicted(lead: Mapping[str, Any], columns: Mapping[str, Any]) -> dict[str, str]:
    """What of a row's name, e-mail and phone is other than the lead's; capitals and accents make no difference."""
    return {
        name: columns[name]
        for name, compared in _COMPARED.items()
        if columns.get(name) and lead[name] and compared(columns[name]) != compared(lead[name])
    }


_COMPARED: Mapping[str, Callable[[str], str]] = {
    "name": lead_words.folded,
    "email": partial(lead_addresses.key, "email"),
    "phone": partial(lead_addresses.key, "phone"),
}


def _still_having(scope: Scope, lead_id: int, columns: Mapping[str, Any]) -> int | None:
    """The lead of this number, or the one it was merged into, if one of the addresses stands in its row, or, of a row
    with none, the very same name and company and no address."""
    with suppress(LeadError):
        row = leads.find(scope, lead_id)
        told = [kind for kind in lead_addresses.KINDS if columns.get(kind)]
        if any(_same_address(kind, getattr(row, kind), columns[kind]) for kind in told):
            return int(row.id)
        named = (columns.get("name"), columns.get("company"))
        if not told and any(named) and (row.name, row.company, row.email, row.phone) == (*named, None, None):
            return int(row.id)
    return None


def _same_address(kind: str, ours: str | None, theirs: str) -> bool:
    return ours is not None and lead_addresses.key(kind, ours) == lead_addresses.key(kind, theirs)


def _with(scope: Scope, kind: str, value: str) -> int | None:
    """Whose address it is: who proved it, or else who merely said so."""
    if (lead_id := lead_addresses.holder(scope, kind, value)) is not None:
        return lead_id
    ids = [lead_id for _, lead_id in lead_addresses.given(scope, kind, [lead_addresses.key(kind, value)])]
    if len(ids) > 1:
        raise LeadError(f"The {kind} is said to be lead {ids[0]}'s and lead {ids[1]}'s; merge the two.")
    return ids[0] if ids else None


def _alike(scope: Scope, columns: Mapping[str, Any]) -> int | None:
    name, company = columns.get("name"), columns.get("company")
    words = lead_words.of(name, None, None, company)
    if not words:
        raise Nameless("There is nothing to tell who it is: no name, company, e-mail or phone.")
    rarest = max(words, key=len)
    named = scope.select(LeadWord, LeadWord.lead_id).where(LeadWord.word == rarest)
    same = scope.select(Lead, Lead.id).where(
        Lead.id.in_(named),
        *(
            column == value if value else column.is_(None)
            for column, value in ((Lead.name, name), (Lead.company, company))
        ),
        sa.and_(Lead.email.is_(None), Lead.phone.is_(None), Lead.merged_into_id.is_(None)),
    )
    row = scope.first(same.order_by(Lead.id).limit(1))
    return int(row.id) if row is not None else None
