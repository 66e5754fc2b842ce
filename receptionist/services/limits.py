"""The limits of an account, and what was used of them."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from receptionist.contracts.limits import Limits
from receptionist.db import AnyRow, Scope
from receptionist.errors import AdminError, LineError
from receptionist.localtime import local_now
from receptionist.models import Account, Lead, Line, UsageDay, UsageMonth
from receptionist.problems import problems
from receptionist.services import accounts

LARGEST = 10
"""So many leads are told apart where usage is shown: those that used most."""


def read(scope: Scope) -> Limits:
    """The limits of the account: what was set, the defaults for the rest."""
    return parse(_stored(scope))


def parse(stored: Mapping[str, Any]) -> Limits:
    """Limits from what `accounts.limits` holds. Raises `LineError` naming each wrong value."""
    try:
        return Limits.model_validate(_nested({**flat(Limits()), **_flat(stored)}))
    except ValidationError as error:
        raise LineError(f"These limits cannot be: {problems(error, Limits)} {KNOWN}") from None


def change(scope: Scope, changes: Mapping[str, Any]) -> Limits:
    """Set some limits by their names, such as "lead.turns"; None takes a limit away, "default" brings the default
    back. Returns all limits. Raises `LineError` for what is no limit."""
    if unknown := [name for name in changes if name not in NAMES]:
        raise LineError(f"There is no limit {', '.join(unknown)}. {KNOWN}")
    own = {**_flat(_stored(scope)), **changes}
    own = {name: value for name, value in own.items() if value != "default"}
    limits = parse(_nested(own))
    as_read = flat(limits)
    kept = _nested({name: as_read[name] for name in own})
    scope.run(sa.update(Account).where(Account.id == scope.account_id).values(limits=kept))
    accounts.touch(scope)
    return limits


def flat(limits: Limits) -> dict[str, Any]:
    """The limits as plain values by name; costs are US dollars as text."""
    return _flat(limits.model_dump(mode="json"))


def usage(scope: Scope, *, days: Collection[date]) -> list[AnyRow]:
    """What the whole account used on each of these days, the newest first: day, turns, tokens, cost."""
    columns = (UsageDay.day, UsageDay.turns, UsageDay.tokens, UsageDay.cost)
    statement = scope.select(UsageDay, *columns).where(UsageDay.day.in_(days), UsageDay.kind == "account")
    return scope.all(statement.order_by(UsageDay.day.desc()))


def usage_of_lines(scope: Scope, *, days: Collection[date]) -> list[AnyRow]:
    """What the lines that used most used on these days together: id, name (its title), turns, tokens, cost."""
    sums = [sa.func.sum(getattr(UsageDay, column)).label(column) for column in ("turns", "tokens", "cost")]
    most = (
        scope.select(UsageDay, UsageDay.subject_id, *sums)
        .where(UsageDay.day.in_(days), UsageDay.kind == "line")
        .group_by(UsageDay.subject_id)
        .order_by(sums[1].desc(), sums[0].desc(), UsageDay.subject_id.desc())
        .limit(LARGEST)
    )
    return _named(scope, most.subquery(), Line, Line.title)


def usage_of_leads(scope: Scope, *, month: date) -> list[AnyRow]:
    """What the leads that used most used in the month that begins on this day: id, name, turns, tokens, cost."""
    rank = (UsageMonth.tokens.desc(), UsageMonth.turns.desc(), UsageMonth.lead_id.desc())
    columns = (UsageMonth.lead_id.label("subject_id"), UsageMonth.turns, UsageMonth.tokens, UsageMonth.cost)
    most = scope.select(UsageMonth, *columns).where(UsageMonth.month == month).order_by(*rank).limit(LARGEST)
    return _named(scope, most.subquery(), Lead, Lead.name)


def last_days(timezone: str, days: int) -> list[date]:
    """The last `days` days, today first, in this time zone."""
    today = local_now(timezone).date()
    return [today - timedelta(days=number) for number in range(days)]


def month_days(timezone: str, text: str | None) -> list[date]:
    """The days of a calendar month, written like 2026-11, the newest first; of this month where it is None.

    Raises `AdminError`."""
    if text is None:
        return last_days(timezone, local_now(timezone).day)
    try:
        first = datetime.strptime(text, "%Y-%m").date()
    except ValueError:
        raise AdminError(f"{text[:20]!r} is no month; write it like 2026-11.") from None
    return [first.replace(day=day) for day in range(monthrange(first.year, first.month)[1], 0, -1)]


def _named(scope: Scope, most: sa.Subquery, model: Any, name: Any) -> list[AnyRow]:
    """These with their names, which are looked up of these alone; those that used most first."""
    own = sa.and_(model.account_id == scope.account_id, model.id == most.c.subject_id)
    columns = (most.c.subject_id, name.label("name"), most.c.turns, most.c.tokens, most.c.cost)
    statement = sa.select(*columns).select_from(most).outerjoin(model, own)
    return scope.all(statement.order_by(most.c.tokens.desc(), most.c.turns.desc(), most.c.subject_id.desc()))


def _stored(scope: Scope) -> dict[str, Any]:
    statement = sa.select(Account.limits).where(Account.id == scope.account_id)
    return dict(scope.connection.execute(statement).scalar_one() or {})


def _flat(nested: Mapping[str, Any]) -> dict[str, Any]:
    """{"lead": {"turns": 5}} as {"lead.turns": 5}."""
    found: dict[str, Any] = {}
    for name, value in nested.items():
        found |= {f"{name}.{part}": each for part, each in value.items()} if isinstance(value, dict) else {name: value}
    return found


def _nested(by_name: Mapping[str, Any]) -> dict[str, Any]:
    """{"lead.turns": 5} as {"lead": {"turns": 5}}."""
    found: dict[str, Any] = {}
    for name, value in by_name.items():
        head, _, part = name.partition(".")
        if part:
            found.setdefault(head, {})[part] = value
        else:
            found[head] = value
    return found


NAMES = tuple(flat(Limits()))
KNOWN = f"There are: {', '.join(NAMES)}; each takes a number (cost: US dollars such as 0.5), none, or default."
