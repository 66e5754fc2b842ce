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
PAGE = 50
COUNTED = 1000
"""Leads of a tag that are counted where tags are listed."""


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


def used(scope: Scope, *, after: str = "", limit: int = PAGE) -> list[AnyRow]:
    """The account's tags in alphabetical order (`tag`), each with how many leads have it (`leads`).

    Leads, also those that were merged into others, are counted up to `COUNTED`; one more stands for "more than that".
    So this takes no longer however many leads there are. `after`: the last tag of the page before."""
    tags = _names(scope, after, limit)
    own = scope.select(LeadTag, LeadTag.lead_id).where(LeadTag.tag == tags.c.tag).correlate(tags)
    some = own.order_by(LeadTag.lead_id).limit(COUNTED + 1).subquery()  # in order, so that it goes by the index
    leads = sa.select(sa.func.count()).select_from(some).scalar_subquery()
    statement = sa.select(tags.c.tag, leads.label("leads")).where(tags.c.tag.is_not(None))
    return scope.all(statement.order_by(tags.c.place))


def _names(scope: Scope, after: str, limit: int) -> sa.CTE:
    """Tags, each found in the index as the next one behind the tag before it; the last may be None."""
    smallest = scope.select(LeadTag, sa.func.min(LeadTag.tag))
    first = sa.select(smallest.where(LeadTag.tag > after).scalar_subquery().label("tag"), sa.literal(1).label("place"))
    tags = first.cte("tags", recursive=True)
    following = smallest.where(LeadTag.tag > tags.c.tag).correlate(tags).scalar_subquery()
    more = (tags.c.tag.is_not(None), tags.c.place < limit)
    return tags.union_all(sa.select(following, tags.c.place + 1).where(*more))
