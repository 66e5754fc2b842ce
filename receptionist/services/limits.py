"""The limits of an account, and what was used of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from receptionist.contracts.limits import Limits
from receptionist.db import AnyRow, Scope
from receptionist.errors import LineError
from receptionist.localtime import local_now
from receptionist.models import Account, Lead, Line, UsageDay
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
        raise LineError(f"These limits cannot be: {problems(error, Limits)}. {KNOWN}") from None


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


def usage(scope: Scope, *, since: date) -> list[AnyRow]:
    """What the whole account used, day by day since `since`, the newest first: day, turns, tokens, cost."""
    columns = (UsageDay.day, UsageDay.turns, UsageDay.tokens, UsageDay.cost)
    statement = scope.select(UsageDay, *columns).where(UsageDay.kind == "account", UsageDay.day >= since)
    return scope.all(statement.order_by(UsageDay.day.desc()))


def usage_of_lines(scope: Scope, *, since: date) -> list[AnyRow]:
    """What each line used since `since`: id, title, turns, tokens, cost; those that used most first."""
    return _by_subject(scope, "line", Line, Line.title, since)


def usage_of_leads(scope: Scope, *, since: date) -> list[AnyRow]:
    """What the leads that used most used since `since`: id, name, turns, tokens, cost."""
    return _by_subject(scope, "lead", Lead, Lead.name, since)


def last_days(timezone: str, days: int) -> date:
    """The first of the last `days` days, today included, in this time zone."""
    return local_now(timezone).date() - timedelta(days=days - 1)


def _by_subject(scope: Scope, kind: str, model: Any, name: Any, since: date) -> list[AnyRow]:
    sums = [sa.func.sum(getattr(UsageDay, column)).label(column) for column in ("turns", "tokens", "cost")]
    most = (
        scope.select(UsageDay, UsageDay.subject_id, *sums)
        .where(UsageDay.kind == kind, UsageDay.day >= since)
        .group_by(UsageDay.subject_id)
        .order_by(sums[1].desc(), sums[0].desc(), UsageDay.subject_id)
        .limit(LARGEST)
        .subquery()
    )
    named = sa.and_(model.account_id == scope.account_id, model.id == most.c.subject_id)
    columns = (most.c.subject_id, name.label("name"), most.c.turns, most.c.tokens, most.c.cost)
    statement = sa.select(*columns).select_from(most).outerjoin(model, named)  # of these alone, not of all
    return scope.all(statement.order_by(most.c.tokens.desc(), most.c.turns.desc(), most.c.subject_id))


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
KNOWN = f"There are: {', '.join(NAMES)}; each takes a number, none, or default."
