"""Tags on leads: free words of the account's own."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from receptionist.db import AnyRow, Scope
from receptionist.errors import LeadError
from receptionist.models import LeadTag
from receptionist.text import storable

LONGEST = 40
MOST = 30
"""Tags of one lead."""


def read(text: str) -> str:
    """A tag as it is stored: in small letters, one space between words, nothing invisible. Raises `LeadError`."""
    plain = unicodedata.normalize("NFKC", storable(text)).casefold()
    plain = "".join(letter for letter in plain if unicodedata.category(letter) != "Cf")
    tag = " ".join("".join(letter if letter.isprintable() else " " for letter in plain).split())
    if not tag or "," in tag:
        raise LeadError("A tag is a word or a few, without a comma.")
    if len(tag) > LONGEST:
        raise LeadError(f"A tag has at most {LONGEST} characters.")
    return tag


def read_all(texts: Iterable[str]) -> tuple[str, ...]:
    """Tags as they are stored, each once, in alphabetical order; empty ones are passed over. Raises `LeadError`."""
    tags = tuple(sorted({read(text) for text in texts if text.strip()}))
    if len(tags) > MOST:
        raise LeadError(f"A lead has at most {MOST} tags.")
    return tags


def of(scope: Scope, lead_id: int) -> list[str]:
    """The tags of a lead, in alphabetical order."""
    statement = scope.select(LeadTag, LeadTag.tag).where(LeadTag.lead_id == lead_id)
    return [row.tag for row in scope.all(statement.order_by(LeadTag.tag))]


def put(scope: Scope, lead_id: int, tags: Sequence[str], before: Sequence[str]) -> bool:
    """Make these the tags of a locked lead that has those of `before`; False if they were. Raises `LeadError`."""
    added, gone = sorted(set(tags) - set(before)), set(before) - set(tags)
    if added and len(tags) > MOST:
        raise LeadError(f"A lead has at most {MOST} tags.")
    if gone:
        mine = (LeadTag.account_id == scope.account_id, LeadTag.lead_id == lead_id)
        scope.run(sa.delete(LeadTag).where(*mine, LeadTag.tag.in_(gone)))
    if added:
        rows = [{"account_id": scope.account_id, "lead_id": lead_id, "tag": tag} for tag in added]
        scope.connection.execute(sa.insert(LeadTag), rows)
    return bool(added or gone)


def used(scope: Scope, *, after: str = "", limit: int = 100) -> list[AnyRow]:
    """The account's tags in alphabetical order, each with how many leads have it (`tag`, `leads`)."""
    count = sa.func.count().label("leads")
    statement = scope.select(LeadTag, LeadTag.tag, count).where(LeadTag.tag > after)
    return scope.all(statement.group_by(LeadTag.tag).order_by(LeadTag.tag).limit(limit))
