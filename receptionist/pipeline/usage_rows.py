"""The rows that usage is written to and read from: by day for limits and reports, by month for who used most."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import sqlalchemy as sa

from receptionist.models import UsageDay, UsageMonth, table

_days, _months = table(UsageDay), table(UsageMonth)


class Key(NamedTuple):
    """Whose usage of which day; the order of keys is the order in which rows are written."""

    account_id: int
    day: date
    kind: str
    subject_id: int


class Amount(NamedTuple):
    """Turns, tokens, and millionths of a US dollar."""

    turns: int = 0
    tokens: int = 0
    cost: int = 0

    def plus(self, other: Amount) -> Amount:
        """Both together."""
        return Amount(self.turns + other.turns, self.tokens + other.tokens, self.cost + other.cost)


NOTHING = Amount()

_KEYS = [_days.c[name] for name in Key._fields]
_AMOUNTS = [_days.c[name] for name in Amount._fields]
_TOTALS = sa.select(*_KEYS, *_AMOUNTS).where(sa.tuple_(*_KEYS).in_(sa.bindparam("b_keys", expanding=True)))
"""The one look across accounts: each key names its own."""


class UsageRows:
    """Adds to the rows; its statements are built once for a database."""

    def __init__(self, is_sqlite: bool) -> None:
        self._add_days = _upsert(is_sqlite, _days, *Key._fields).returning(*_KEYS, *_AMOUNTS)
        self._add_months = _upsert(is_sqlite, _months, "account_id", "lead_id", "month")

    def add(self, connection: sa.Connection, amounts: Mapping[Key, Amount]) -> dict[Key, Amount]:
        """Add these to what is there; returns what the days add up to now.

        Everybody writes rows in one order, days first (as `leads.erasure` deletes them), so that two processes wait for
        each other and do not deadlock.
        Raises `IntegrityError` if the account of one of them is gone."""
        days = [{**key._asdict(), **amount._asdict()} for key, amount in sorted(amounts.items())]
        totals = _by_key(connection.execute(self._add_days, days))
        if months := _of_months(amounts):
            connection.execute(self._add_months, months)
        return totals


def totals_of(connection: sa.Connection, keys: Sequence[Key]) -> dict[Key, Amount]:
    """What these used, as far as it is written; who used nothing is left out."""
    return _by_key(connection.execute(_TOTALS, {"b_keys": [tuple(key) for key in keys]}))


def _upsert(is_sqlite: bool, rows: sa.Table, *keys: str) -> Any:
    if is_sqlite:
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
    statement = insert(rows)
    added = {name: rows.c[name] + statement.excluded[name] for name in Amount._fields}
    return statement.on_conflict_do_update(index_elements=[rows.c[name] for name in keys], set_=added)


def _of_months(amounts: Mapping[Key, Amount]) -> list[dict[str, Any]]:
    """What leads used, by calendar month."""
    months: dict[tuple[int, int, date], Amount] = {}
    for key, amount in amounts.items():
        if key.kind == "lead":
            month = key.account_id, key.subject_id, key.day.replace(day=1)
            months[month] = months.get(month, NOTHING).plus(amount)
    return [
        {"account_id": account_id, "lead_id": lead_id, "month": month, **amount._asdict()}
        for (account_id, lead_id, month), amount in sorted(months.items())
    ]


def _by_key(rows: Iterable[Any]) -> dict[Key, Amount]:
    return {Key(*row[: len(Key._fields)]): Amount(*row[len(Key._fields) :]) for row in rows}
