"""E-mail addresses and phone numbers that are known to be a lead's, and those that two leads seem to share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from receptionist import emails
from receptionist.db import AnyRow, Scope
from receptionist.errors import Unavailable
from receptionist.models import Identity, Lead, LeadWord
from receptionist.services.leads import lead_words

KINDS = ("email", "phone")
"""Kinds of identities that are no channel's: a channel proved them, or an admin vouched for them."""

SHARED = "shared:"
"""Before a kind: a lead wrote or proved this address, which is another lead's. Somebody may merge the two."""


MOST_ALIKE = 500
"""Leads that are looked at for one address, or some."""


def key(kind: str, value: str) -> str:
    """The form in which an address of a kind is compared, and in which identities hold it."""
    return emails.key(value) if kind.removeprefix(SHARED) == "email" else value


def holder(scope: Scope, kind: str, value: str) -> int | None:
    """The lead to whom this e-mail ("email") or phone number ("phone", E.164) is known to belong, if any."""
    own = Identity.kind == kind, Identity.value == key(kind, value)
    row = scope.first(scope.select(Identity, Identity.lead_id).where(*own))
    return int(row.lead_id) if row else None


def given(scope: Scope, kind: str, keys: Collection[str]) -> list[tuple[str, int]]:
    """Leads in whose row one of these addresses stands, with its `key`, the oldest lead first."""
    column = getattr(Lead, kind)
    own = column.in_(keys)
    if kind == "email":
        words = LeadWord.word.in_({lead_words.of_email(each) for each in keys})
        found_by = scope.select(LeadWord, LeadWord.lead_id).where(words).limit(MOST_ALIKE)
        alike = [row.lead_id for row in scope.all(found_by)]
        if not alike:
            return []
        own = sa.and_(Lead.id.in_(alike), column.is_not(None))
    statement = scope.select(Lead, column.label("value"), Lead.id).where(own, Lead.merged_into_id.is_(None))
    rows = sorted(scope.all(statement.limit(MOST_ALIKE)), key=lambda row: row.id)
    return [(found, row.id) for row in rows if (found := key(kind, row.value)) in keys]


def of(scope: Scope, lead_id: int) -> list[AnyRow]:
    """All identities of a lead, in the order they became known: `kind`, `value`, `created_at`."""
    return scope.all(scope.select(Identity).where(Identity.lead_id == lead_id).order_by(Identity.id))


def vouch(scope: Scope, lead_id: int, held: Mapping[str, str | None], before: AnyRow | None = None) -> None:
    """An admin says that these are a lead's addresses, by kind, and no longer those of `before`, its row as it was.

    Nobody else is known to have them; one that another lead merely wrote is noted as shared. Raises `Unavailable` if
    another lead gets one of them in this very moment."""
    for kind, value in held.items():
        old = getattr(before, kind, None)
        if old is not None and (value is None or key(kind, old) != key(kind, value)):
            _forget(scope, lead_id, kind, old)
        if value is not None and holder(scope, kind, value) is None:
            try:
                with scope.connection.begin_nested():
                    scope.insert(Identity, lead_id=lead_id, kind=kind, value=key(kind, value))
            except IntegrityError as error:
                raise Unavailable("Another lead got this address just now; please try again.") from error
            note_shared(scope, lead_id, kind, value)


def prove(scope: Scope, lead_id: int, proved: Mapping[str, str | None]) -> dict[str, str]:
    """A channel proved these addresses of a lead, by kind; returns those that were nobody's and are the lead's now.

    One that is another lead's stays there and is noted as shared. Raises `IntegrityError` if another process gives
    one to another lead just now."""
    wanted = {kind: value for kind, value in proved.items() if value is not None}
    if not wanted:
        return {}
    which = sa.or_(
        *(sa.and_(Identity.kind == kind, Identity.value == key(kind, value)) for kind, value in wanted.items())
    )
    held = {row.kind: row.lead_id for row in scope.all(scope.select(Identity).where(which))}
    for kind, value in wanted.items():
        if kind not in held:
            scope.insert(Identity, lead_id=lead_id, kind=kind, value=key(kind, value))
        elif held[kind] != lead_id:
            _note(scope, lead_id, kind, value)
    return {kind: value for kind, value in wanted.items() if kind not in held}


def note_shared(scope: Scope, lead_id: int, kind: str, value: str) -> None:
    """A lead wrote or was given this address: if another lead has it, the two may be one person, whom only persons
    merge."""
    others = (each for _, each in given(scope, kind, [key(kind, value)]) if each != lead_id)
    if holder(scope, kind, value) not in (None, lead_id) or next(others, None) is not None:
        _note(scope, lead_id, kind, value)


def _note(scope: Scope, lead_id: int, kind: str, value: str) -> None:
    if holder(scope, SHARED + kind, value) is None:
        with suppress(IntegrityError), scope.connection.begin_nested():  # another process noted it just now
            scope.insert(Identity, lead_id=lead_id, kind=SHARED + kind, value=key(kind, value))


def _forget(scope: Scope, lead_id: int, kind: str, value: str) -> None:
    """So that a mistyped address does not join a stranger to the lead."""
    mine = (Identity.account_id == scope.account_id, Identity.lead_id == lead_id)
    written = (value, key(kind, value))  # one that was stored with capitals, beside another lead's without
    scope.run(sa.delete(Identity).where(*mine, Identity.kind.in_((kind, SHARED + kind)), Identity.value.in_(written)))
