"""The database: engine, transactions, the database's clock, and the one place that scopes queries."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import TypeDecorator

from receptionist.errors import Unavailable
from receptionist.walsync import WalSync

AnyRow = sa.Row[*tuple[Any, ...]]
"""A row of a result, its columns by name."""

BUSY_SECONDS = 5.0
"""How long a writer waits for another writer before the request is refused with 503."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC; aware in Python, TIMESTAMPTZ on PostgreSQL, sortable text on SQLite."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class db_now(ColumnElement[datetime]):
    """The database's own time plus `seconds`: the only clock leases and due times are compared with."""

    inherit_cache = True
    type = UtcDateTime()
    _traverse_internals = [("seconds", sa.sql.visitors.InternalTraversal.dp_clauseelement)]

    def __init__(self, seconds: float | sa.BindParameter[float] = 0.0) -> None:
        self.seconds = seconds if isinstance(seconds, sa.BindParameter) else sa.literal(float(seconds), sa.Float())


@compiles(db_now, "sqlite")
def _sqlite_now(element: db_now, compiler: Any, **options: Any) -> str:
    seconds = compiler.process(element.seconds, **options)
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', {seconds} || ' seconds') || '000')"


@compiles(db_now, "postgresql")
def _postgresql_now(element: db_now, compiler: Any, **options: Any) -> str:
    seconds = compiler.process(element.seconds, **options)
    return f"(statement_timestamp() + make_interval(secs => {seconds}))"


class Database:
    """One engine per process, made after fork. `begin` writes, `read` only looks."""

    def __init__(self, url: str) -> None:
        self.engine = sa.create_engine(_full_url(url), **_engine_options(url))
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._writing = threading.Lock()
        if self.is_sqlite:
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine, "begin", _begin_sqlite)
        file = self.engine.url.database if self.is_sqlite else None
        self._wal = WalSync(Path(file)) if file else None

    @contextmanager
    def begin(self, *, durable: bool = False) -> Iterator[sa.Connection]:
        """A writing transaction, committed at the end. Raises `Unavailable` if nothing can be written now.

        Every commit survives killed processes; a `durable` one also a loss of power. SQLite has one writer at a
        time: writers of this process queue here, where waking is immediate, instead of in SQLite's busy handler,
        which sleeps.
        """
        with self._turn(), _unavailable(), self.engine.connect() as connection:
            connection = connection.execution_options(writes=True)
            with connection.begin():
                yield connection
        if durable and self._wal is not None:
            try:
                self._wal.flush()
            except OSError as error:
                raise Unavailable("The disk does not take the database's log; please try again.") from error

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that only reads and sees one state of the database."""
        with _unavailable(), self.engine.connect() as connection, connection.begin():
            yield connection

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self.is_sqlite:
            yield
            return
        if not self._writing.acquire(timeout=BUSY_SECONDS):
            raise Unavailable("The database is busy; please try again.")
        try:
            yield
        finally:
            self._writing.release()


def prepared(statement: Any, *tables: Any) -> Any:
    """A statement built once, narrowed to one account in each of `tables`; only `Scope.execute` can run it.

    Building a statement costs several times what running it does, so what happens for every message is built
    when its module is imported.
    """
    return statement.where(*(table.c.account_id == sa.bindparam("b_account") for table in tables))


class Scope:
    """A transaction narrowed to one account: the way services read and change rows of an account."""

    def __init__(self, connection: sa.Connection, account_id: int) -> None:
        self.connection = connection
        self.account_id = account_id

    def select(self, model: Any, *columns: Any) -> sa.Select[Any]:
        """A SELECT of `columns` (default: all) of `model`, only of this account."""
        return sa.select(*(columns or model.__table__.c)).select_from(model).where(model.account_id == self.account_id)

    def update(self, model: Any) -> sa.Update:
        """An UPDATE of rows of this account."""
        return sa.update(model).where(model.account_id == self.account_id)

    def insert(self, model: Any, /, **values: Any) -> int:
        """Insert one row into this account; returns its id."""
        statement = sa.insert(model).values(account_id=self.account_id, **values).returning(model.id)
        return int(self.connection.execute(statement).scalar_one())

    def execute(self, statement: Any, **values: Any) -> sa.CursorResult[Any]:
        """Run a `prepared` statement for this account."""
        return self.connection.execute(statement, {"b_account": self.account_id, **values})

    def first(self, statement: sa.Executable) -> AnyRow | None:
        """The first row of the result, or None."""
        return self.connection.execute(statement).first()

    def all(self, statement: sa.Executable) -> list[AnyRow]:
        """All rows of the result."""
        return list(self.connection.execute(statement).all())

    def run(self, statement: sa.Executable, values: Mapping[str, Any] | None = None) -> int:
        """Execute; returns how many rows were touched."""
        result = self.connection.execute(statement, values or {})
        return int(getattr(result, "rowcount", 0))


def _full_url(url: str) -> str:
    """Hosts give `postgres://`, which SQLAlchemy does not know."""
    return "postgresql://" + url.removeprefix("postgres://") if url.startswith("postgres://") else url


def _engine_options(url: str) -> dict[str, Any]:
    options: dict[str, Any] = {"pool_size": 16, "max_overflow": 112, "pool_timeout": BUSY_SECONDS}
    if url.startswith("sqlite"):
        options["connect_args"] = {"timeout": BUSY_SECONDS, "check_same_thread": False}
    return options


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, see _begin_sqlite
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    """Writers take the lock at once: a deferred BEGIN fails at its first write with SQLITE_BUSY_SNAPSHOT."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        if "no such" in str(error) or "syntax error" in str(error):
            raise  # a mistake in the program or a database that is not migrated, which no waiting mends
        raise Unavailable("The database cannot be used just now; please try again.") from error
