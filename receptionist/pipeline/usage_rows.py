"""The rows that usage is written to and read from: by day for limits and reports, by month for who used most."""

from __future__ import annotations

import json
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
        totals = _by_key(connection.execute(self._add_days, _as_json(amounts)))
        if months := _of_months(amounts):
            connection.execute(self._add_months, _as_json(months))
        return totals


def totals_of(connection: sa.Connection, keys: Sequence[Key]) -> dict[Key, Amount]:
    """What these used, as far as it is written; who used nothing is left out."""
    return _by_key(connection.execute(_TOTALS, {"b_keys": [tuple(key) for key in keys]}))


def _upsert(is_sqlite: bool, rows: sa.Table, *keys: str) -> Any:
    """Adds what `b_rows` holds, a JSON array of arrays: one text for any number of rows, which is read and planned
    once, where one with a list of values is as long as the list."""
    if is_sqlite:
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
    names = (*keys, *Amount._fields)
    given = _given_rows(is_sqlite, [rows.c[name] for name in names])
    statement = insert(rows).from_select(names, given)
    added = {name: rows.c[name] + statement.excluded[name] for name in Amount._fields}
    return statement.on_conflict_do_update(index_elements=[rows.c[name] for name in keys], set_=added)


def _given_rows(is_sqlite: bool, columns: Sequence[sa.Column[Any]]) -> sa.Select[Any]:
    given = sa.bindparam("b_rows", type_=sa.Text)
    values: list[sa.ColumnElement[Any]]
    if is_sqlite:
        each = sa.func.json_each(given).table_valued("value")
        values = [sa.func.json_extract(each.c.value, f"$[{place}]") for place in range(len(columns))]
    else:
        each = sa.func.json_array_elements(sa.cast(given, sa.JSON)).table_valued("value")
        values = [sa.cast(each.c.value.op("->>")(place), column.type) for place, column in enumerate(columns)]
    return sa.select(*values).select_from(each).where(sa.true())  # else SQLite takes ON CONFLICT for a join's condition


def _as_json(amounts: Mapping[Any, Amount]) -> dict[str, str]:
    return {"b_rows": json.dumps([(*key, *amount) for key, amount in sorted(amounts.items())], default=str)}


def _of_months(amounts: Mapping[Key, Amount]) -> dict[tuple[int, int, date], Amount]:
    """What leads used, by account, lead and calendar month."""
    months: dict[tuple[int, int, date], Amount] = {}
    for key, amount in amounts.items():
        if key.kind == "lead":
            month = key.account_id, key.subject_id, key.day.replace(day=1)
            months[month] = months.get(month, NOTHING).plus(amount)
    return months


def _by_key(rows: Iterable[Any]) -> dict[Key, Amount]:
    return {Key(*row[: len(Key._fields)]): Amount(*row[len(Key._fields) :]) for row in rows}
