"""Lists of leads, the last contact first: filtered and searched, equally quick however many leads there are.

Every filter but the status is a set of leads in a table of its own. The smallest set decides: where it is small, its
leads are looked up and sorted; where even the smallest holds thousands, leads are looked through from the newest on:
a page is soon full, or ends where enough of them were looked at.
"""

from __future__ import annotations

import base64
import binascii
import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from receptionist.db import AnyRow, Scope, UtcDateTime
from receptionist.errors import LeadError
from receptionist.models import Consent, Identity, Lead, LeadTag, LeadWord, table
from receptionist.services.leads import lead_status, lead_tags, lead_words, leads

PAGE = 50
MOST = 200
"""Leads of one page."""

FEW = 1500
"""A set up to this size is looked up and sorted; of a larger one a page is found by looking through the newest."""

LOOKED = 1500
"""Leads that are looked through for one page."""

MOST_WORDS = 8
"""Words of a search that count; more make no difference to whom they find."""

_leads, _words, _tags = table(Lead), table(LeadWord), table(LeadTag)
_identities, _consents = table(Identity), table(Consent)


_Place = tuple[datetime, int]
"""`recent_at` and id of a lead, by which lists are sorted."""


@dataclass(frozen=True, slots=True)
class Page:
    """Leads, and where the next page begins: None if there is none. Rows have all columns of a lead.

    A page may be short, even empty, and there is a next one all the same: what is sought is rare among the newest."""

    rows: Sequence[AnyRow]
    before: str | None


@dataclass(frozen=True, slots=True)
class _Set:
    """Leads with a row in another table that fulfils one of these conditions."""

    source: sa.Table
    conditions: tuple[sa.ColumnElement[bool], ...]

    def ids(self, scope: Scope) -> sa.CompoundSelect[Any]:
        mine = self.source.c.account_id == scope.account_id
        return sa.union_all(*(sa.select(self.source.c.lead_id).where(mine, each) for each in self.conditions))

    def holds(self, scope: Scope) -> sa.ColumnElement[bool]:
        """Whether a lead is in it, asked for each lead by itself: neither database may turn this into a join."""
        own = sa.select(self.source.c.lead_id).where(
            self.source.c.account_id == scope.account_id,
            self.source.c.lead_id == _leads.c.id,
            sa.or_(*self.conditions),
        )
        return own.correlate(_leads).limit(1).scalar_subquery().is_not(None)


def listed(
    scope: Scope,
    *,
    text: str | None = None,
    status: str | None = None,
    tag: str | None = None,
    channel: str | None = None,
    strategy_id: int | None = None,
    opted_out: bool | None = None,
    before: str | None = None,
    limit: int = PAGE,
) -> Page:
    """One page of leads that fulfil all that is given, without those that were merged into others.

    `text`: words of name, company or e-mail, or digits of the phone number; each must match the beginning of one.
    `channel`: they wrote there. `strategy_id`: it is their own, not the line's. `opted_out`: of any channel. `before`:
    as the last page said. Raises `LeadError` for a status or a cursor that does not exist.
    """
    wanted = _wanted(text or "")
    if text and text.strip() and not wanted:
        return Page([], None)
    sets = _sets(wanted, tag, channel)
    sorted_by: list[sa.ColumnElement[bool]] = [
        _leads.c.account_id == scope.account_id
    ]  # what indexes of leads begin with
    conditions: list[sa.ColumnElement[bool]] = [_leads.c.merged_into_id.is_(None)]
    if status is not None:
        sorted_by.append(_leads.c.status == lead_status.read(status))
    if strategy_id is not None:
        sorted_by.append(_leads.c.strategy_id == strategy_id)
    if opted_out is not None:
        out = _Set(_consents, (_consents.c.state == "refused",))
        if opted_out:
            sets.append(out)
        else:
            conditions.append(~out.holds(scope))
    start = _read(before) if before is not None else None
    return _page(scope, sets, sorted_by, conditions, start, max(1, min(limit, MOST)))


def _page(
    scope: Scope,
    sets: list[_Set],
    sorted_by: list[sa.ColumnElement[bool]],
    conditions: list[sa.ColumnElement[bool]],
    start: _Place | None,
    limit: int,
) -> Page:
    small = _smallest(scope, sets)
    moment: sa.ColumnElement[datetime] = _leads.c.recent_at
    floor: _Place | None = None
    if small is not None:
        moment = sa.func.coalesce(moment, moment)  # which no index is sorted by: begin with the set
        conditions = [*conditions, _leads.c.id.in_(small.ids(scope))]
    elif sets and (floor := _floor(scope, sorted_by, start)) is not None:
        conditions = [*conditions, _pair(moment) >= _bound(floor)]
    statement = sa.select(_leads).where(*sorted_by, *_below(moment, start), *conditions)
    statement = statement.where(*(each.holds(scope) for each in sets if each is not small))
    rows = scope.all(statement.order_by(moment.desc(), _leads.c.id.desc()).limit(limit + 1))
    end = (rows[limit - 1].recent_at, rows[limit - 1].id) if len(rows) > limit else floor
    return Page(rows[:limit], _written(end) if end is not None else None)


def _floor(scope: Scope, sorted_by: list[sa.ColumnElement[bool]], start: _Place | None) -> _Place | None:
    """Down to where leads are looked through; None: to the last."""
    recent = _leads.c.recent_at
    statement = sa.select(recent, _leads.c.id).where(*sorted_by, *_below(recent, start))
    row = scope.first(statement.order_by(recent.desc(), _leads.c.id.desc()).limit(1).offset(LOOKED - 1))
    return (row.recent_at, row.id) if row else None


def _below(moment: sa.ColumnElement[datetime], start: _Place | None) -> list[sa.ColumnElement[bool]]:
    return [_pair(moment) < _bound(start)] if start is not None else []


def _pair(moment: sa.ColumnElement[datetime]) -> sa.Tuple:
    return sa.tuple_(moment, _leads.c.id)


def _bound(place: _Place) -> sa.Tuple:
    return sa.tuple_(sa.literal(place[0], UtcDateTime()), sa.literal(place[1]))


def _smallest(scope: Scope, sets: list[_Set]) -> _Set | None:
    """The set with the fewest leads; None if there is none, or all of them are large."""
    if not sets:
        return None
    counts = (
        sa.select(sa.func.count()).select_from(each.ids(scope).limit(FEW + 1).subquery()).scalar_subquery()
        for each in sets
    )
    sizes = list(scope.connection.execute(sa.select(*counts)).one())
    fewest = min(sizes)
    return sets[sizes.index(fewest)] if fewest <= FEW else None


def _sets(wanted: list[tuple[str, ...]], tag: str | None, channel: str | None) -> list[_Set]:
    found = [_Set(_words, tuple(map(_begins, ways))) for ways in wanted]
    if tag is not None:
        found.append(_Set(_tags, (_tags.c.tag == lead_tags.read(tag),)))
    if channel is not None:
        found.append(_Set(_identities, (_identities.c.kind == leads.channel_kind(channel),)))
    return found


def _wanted(text: str) -> list[tuple[str, ...]]:
    """What a search is for: each a few ways to begin a word, of which one must fit."""
    plain = unicodedata.normalize("NFKC", text)
    if any(map(str.isdecimal, plain)) and all(each.isdecimal() or each in "+()-/. \u00a0" for each in plain):
        return [_numbers(plain)]
    found: dict[tuple[str, ...], None] = {}
    for part in plain.split():
        if "@" in part.lstrip("@"):
            found[(lead_words.folded(part)[: lead_words.LONGEST],)] = None
        else:
            found |= {(_numbers(word) if word.isdecimal() else (word,)): None for word in lead_words.words(part)}
    return list(found)[:MOST_WORDS]


def _numbers(text: str) -> tuple[str, ...]:
    """Digits as they may be stored: with a country code, or without it and the 0 before."""
    digits = "".join(str(int(each)) for each in text if each.isdecimal())
    ways = dict.fromkeys((digits, digits.removeprefix("00"), digits.removeprefix("0")))
    return tuple(ways) if digits.strip("0") else (digits,)


def _begins(way: str) -> sa.ColumnElement[bool]:
    """Whether a word begins like this: by comparing, so that no character means anything else."""
    return sa.and_(_words.c.word >= way, _words.c.word < way + "\U0010ffff")


def _written(place: _Place) -> str:
    text = json.dumps([place[0].isoformat(), place[1]], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[datetime, int]:
    try:
        text = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        at, lead_id = json.loads(text)
        moment = datetime.fromisoformat(at)
        if type(lead_id) is int and 0 < lead_id < 2**63 and moment.tzinfo is not None:
            return moment, lead_id
    except (ValueError, TypeError, binascii.Error, RecursionError, OverflowError):
        pass
    raise LeadError("This is not where a page of leads begins; begin with the first page.")
