"""E-mail addresses and phone numbers that are known to be a lead's, and those that two leads seem to share."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from receptionist.db import AnyRow, Scope
from receptionist.errors import Unavailable
from receptionist.models import Identity, Lead

KINDS = ("email", "phone")
"""Kinds of identities that are no channel's: a channel proved them, or an admin vouched for them."""

SHARED = "shared:"
"""Before a kind: a lead wrote or proved this address, which is another lead's. Somebody may merge the two."""


def holder(scope: Scope, kind: str, value: str) -> int | None:
    """The lead to whom this e-mail ("email") or phone number ("phone", E.164) is known to belong, if any."""
    row = scope.first(scope.select(Identity, Identity.lead_id).where(Identity.kind == kind, Identity.value == value))
    return int(row.lead_id) if row else None


def of(scope: Scope, lead_id: int) -> list[AnyRow]:
    """All identities of a lead, in the order they became known: `kind`, `value`, `created_at`."""
    return scope.all(scope.select(Identity).where(Identity.lead_id == lead_id).order_by(Identity.id))


def vouch(scope: Scope, lead_id: int, held: Mapping[str, str | None], before: AnyRow | None = None) -> None:
    """An admin says that these are a lead's addresses, by kind, and no longer those of `before`, its row as it was.

    Nobody else is known to have them; one that another lead merely wrote is noted as shared. Raises `Unavailable` if
    another lead gets one of them in this very moment."""
    for kind, value in held.items():
        old = getattr(before, kind, None)
        if old is not None and old != value:
            _forget(scope, lead_id, kind, old)
        if value is not None and holder(scope, kind, value) is None:
            try:
                with scope.connection.begin_nested():
                    scope.insert(Identity, lead_id=lead_id, kind=kind, value=value)
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
    which = sa.or_(*(sa.and_(Identity.kind == kind, Identity.value == value) for kind, value in wanted.items()))
    held = {row.kind: row.lead_id for row in scope.all(scope.select(Identity).where(which))}
    for kind, value in wanted.items():
        if kind not in held:
            scope.insert(Identity, lead_id=lead_id, kind=kind, value=value)
        elif held[kind] != lead_id:
            _note(scope, lead_id, kind, value)
    return {kind: value for kind, value in wanted.items() if kind not in held}


def note_shared(scope: Scope, lead_id: int, kind: str, value: str) -> None:
    """A lead wrote or was given this address: if another lead has it, the two may be one person, whom only persons
    merge."""
    others = scope.select(Lead, Lead.id).where(
        getattr(Lead, kind) == value, Lead.id != lead_id, Lead.merged_into_id.is_(None)
    )
    if holder(scope, kind, value) not in (None, lead_id) or scope.first(others.limit(1)) is not None:
        _note(scope, lead_id, kind, value)


def _note(scope: Scope, lead_id: int, kind: str, value: str) -> None:
    if holder(scope, SHARED + kind, value) is None:
        with suppress(IntegrityError), scope.connection.begin_nested():  # another process noted it just now
            scope.insert(Identity, lead_id=lead_id, kind=SHARED + kind, value=value)


def _forget(scope: Scope, lead_id: int, kind: str, value: str) -> None:
    """So that a mistyped address does not join a stranger to the lead."""
    mine = (Identity.account_id == scope.account_id, Identity.lead_id == lead_id)
    scope.run(sa.delete(Identity).where(*mine, Identity.kind.in_((kind, SHARED + kind)), Identity.value == value))
