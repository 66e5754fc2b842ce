"""Many rows at once: COPY on PostgreSQL, one prepared statement on SQLite; ids are reserved beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from receptionist.db import UtcDateTime

CACHE_KB = 64_000
"""Of SQLite's pages in memory, while many rows go in: indexes are written all over."""


def reserve(connection: sa.Connection, table: sa.Table, count: int) -> Sequence[int]:
    """Ids for so many new rows of `table`, ascending; within a writing transaction nobody else gets them."""
    if connection.dialect.name == "postgresql":
        numbers = sa.text("SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)")
        return sorted(connection.execute(numbers, {"name": table.name, "count": count}).scalars())
    newest = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name")
    first = (connection.execute(newest, {"name": table.name}).scalar() or 0) + 1
    return range(first, first + count)


def insert(connection: sa.Connection, table: sa.Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows with these columns; others get their plain default. JSON is given as text, moments in UTC."""
    constants = {
        column.name: column.default.arg
        for column in table.c
        if column.name not in columns and isinstance(column.default, sa.ColumnDefault) and column.default.is_scalar
    }
    names, rest = (*columns, *constants), tuple(constants.values())
    if connection.dialect.name == "postgresql":
        driver: Any = connection.connection.driver_connection
        with (
            driver.cursor() as cursor,
            cursor.copy(f"COPY {table.name} ({', '.join(map(_quoted, names))}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row((*row, *rest))
        return
    places = ", ".join("?" * len(names))
    statement = f"INSERT INTO {table.name} ({', '.join(map(_quoted, names))}) VALUES ({places})"  # noqa: S608 - our names
    moments = [number for number, name in enumerate(names) if isinstance(table.c[name].type, UtcDateTime)]
    values = [_for_sqlite([*row, *rest], moments) for row in rows]
    if values:
        connection.exec_driver_sql(f"PRAGMA cache_size = -{CACHE_KB}")
        connection.exec_driver_sql(statement, values)


def _quoted(name: str) -> str:
    return f'"{name}"'


def _for_sqlite(row: list[Any], moments: Sequence[int]) -> tuple[Any, ...]:
    """With moments as `db.UtcDateTime` stores them; all else is left to the driver."""
    for number in moments:
        if row[number] is not None:
            row[number] = row[number].replace(tzinfo=None).isoformat(" ", "microseconds")
    return tuple(row)
