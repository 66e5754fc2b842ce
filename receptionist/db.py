"""The database: engine, transactions, the database's clock, and the one place that scopes queries."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import TypeDecorator

from receptionist.errors import Unavailable
from receptionist.turnstile import InOrder, OneAtATime
from receptionist.walsync import WalSync

AnyRow = sa.Row[*tuple[Any, ...]]
"""A row of a result, its columns by name."""

BUSY_SECONDS = 5.0
"""How long a writer waits for another writer before the request is refused with 503."""

LOG_SECONDS = 0.5
"""How long writers wait at the longest while SQLite's log is emptied."""
SCRUB_BYTES = 100_000_000
"""The largest embedded database that is rewritten whenever a lead is erased; writers wait for a second then."""


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


@dataclass(frozen=True, slots=True)
class Room:
    """How many connections a server has for us, and how many a process may take."""

    connections: int
    for_process: int

    @property
    def processes(self) -> int:
        """How many processes may run side by side."""
        return self.connections // self.for_process


class Database:
    """One engine per process, made after fork. `begin` writes, `read` only looks.

    `url` is of SQLite or PostgreSQL; else `ArgumentError` is raised, or `ImportError` where a driver is missing.
    Nothing is connected before the first transaction. Transactions are short and wait for nothing but the
    database: on PostgreSQL they share a few connections, and a thread may hold only one.
    """

    def __init__(self, url: str) -> None:
        address = sa.make_url(url)
        self.is_sqlite = address.get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(address) if self.is_sqlite else _postgresql_engine(address)
        # Writers take the engine itself: SQLAlchemy looks at each of an engine's events anew for each statement of an
        # engine with options of its own, which costs a tenth of a message.
        self._reader = self._glancer = self.engine
        if not self.is_sqlite:
            # Not READ ONLY too: SQLAlchemy ends that with an explicit READ WRITE for the connection's next user, who
            # would then write to a server that was told to take nothing more (default_transaction_read_only).
            self._reader = self.engine.execution_options(isolation_level="REPEATABLE READ")
            self._glancer = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._turn: AbstractContextManager[None] = OneAtATime(BUSY_SECONDS)
        self._reader_turn: AbstractContextManager[None] = nullcontext()
        if not self.is_sqlite:
            from receptionist.postgresql import POOL_SIZE

            self._turn = self._reader_turn = InOrder(POOL_SIZE, BUSY_SECONDS)
        self._writing_fails, self._reading_fails = (_Failing(self._is_passing, writing) for writing in (True, False))
        file = self.engine.url.database if self.is_sqlite else None
        self._wal = WalSync(Path(file)) if file else None

    @contextmanager
    def begin(self, *, durable: bool = False) -> Iterator[sa.Connection]:
        """A writing transaction, committed at the end. Raises `Unavailable` if nothing can be written now.

        Every commit survives killed processes; a `durable` one also a loss of power (PostgreSQL's all do). SQLite
        has one writer at a time: writers of this process queue here, where waking is immediate, instead of in
        SQLite's busy handler, which sleeps. On PostgreSQL writers run side by side (READ COMMITTED): of two that
        deadlock one gets `Unavailable`, with nothing stored, and its caller begins again. Where the connection is
        lost at the very commit, `Unavailable` may be raised for what is stored: repeating must do no harm.
        """
        with self._turn, self._writing_fails, self.engine.connect() as connection:
            if self.is_sqlite:
                _begin_sqlite(connection, "BEGIN IMMEDIATE")
            with connection.begin():
                yield connection
        if durable and self._wal is not None:
            try:
                self._wal.flush()
            except OSError as error:
                raise Unavailable("The disk does not take the database's log; please try again.") from error

    @contextmanager
    def read(self, *, once: bool = False) -> Iterator[sa.Connection]:
        """A transaction that only reads and sees one state of the database. Raises `Unavailable`.

        `once`: for a single statement, which sees one state by itself; spares PostgreSQL two of three round trips.
        """
        with self._reader_turn, self._reading_fails, (self._glancer if once else self._reader).connect() as connection:
            if self.is_sqlite:
                _begin_sqlite(connection, "BEGIN")
            with connection.begin():
                yield connection

    @contextmanager
    def migrating(self) -> Iterator[sa.Connection]:
        """A writing transaction for migrations: a second one waits for the first. Raises `Unavailable`."""
        if self.is_sqlite:
            with self.begin() as connection:
                yield connection
            return
        from receptionist import postgresql

        with self._writing_fails, postgresql.migrating(self.engine) as connection:
            yield connection

    def describe(self) -> tuple[str, Room | None]:
        """The product with its version, and on PostgreSQL the connections there are. Raises `Unavailable`."""
        with self.read() as connection:
            version = ".".join(map(str, connection.dialect.server_version_info or ()))
            if self.is_sqlite:
                return f"SQLite {version}", None
            from receptionist import postgresql

            room = Room(postgresql.connections(connection), postgresql.POOL_SIZE)
            return f"PostgreSQL {version}", room

    def scrub(self, *, whole: bool = False) -> None:
        """Leave no trace of deleted rows in SQLite's files: rewrite the database, and empty its write-ahead log.

        Deleted rows are overwritten with zeros anyway; but a page that was split long ago may hold a copy in its
        unused part. A database of more than SCRUB_BYTES is rewritten only if asked for (`whole`), for writers wait
        meanwhile, a second for each 100 MB. Raises `Unavailable` if somebody else uses the database for too long.
        Does nothing on a server."""
        if not self.is_sqlite:
            return
        with self._writing_fails, self.engine.connect() as connection:
            driver: Any = connection.connection.dbapi_connection
            try:
                self._rewrite(driver, whole)
                driver.execute("PRAGMA wal_checkpoint(PASSIVE)")  # most of the work, which keeps nobody waiting
                driver.execute(f"PRAGMA busy_timeout = {LOG_SECONDS * 1000:.0f}")
                with self._turn:
                    [busy, *_] = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except sqlite3.Error as error:
                raise Unavailable(f"The database cannot be rewritten just now ({error}); please try again.") from error
            finally:
                driver.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000:.0f}")
        if busy:
            raise Unavailable("The database's log is being read just now; please try again.")

    def _rewrite(self, driver: Any, whole: bool) -> None:
        [pages], [size] = (driver.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
        if whole or pages * size <= SCRUB_BYTES:
            with self._turn:
                driver.execute("VACUUM")

    def analyze(self) -> None:
        """Let the database count its rows, so that it chooses the right indexes after many came or went."""
        with self.begin() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("PRAGMA analysis_limit = 1000")  # rows of each index: else it reads all
            connection.exec_driver_sql("ANALYZE")

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _is_passing(self, error: DBAPIError, writing: bool) -> bool:
        if not self.is_sqlite:
            from receptionist import postgresql

            return postgresql.is_passing(error, writing)
        if not isinstance(error, OperationalError | InterfaceError):
            return False
        reason = str(
            error.orig
        )  # a mistake in the program, or a database that is not migrated, is not mended by waiting
        return "no such" not in reason and "syntax error" not in reason


class _Failing:
    """Turns what passes by itself into `Unavailable`. Holds nothing, so that one will do for all transactions."""

    def __init__(self, is_passing: Callable[[DBAPIError, bool], bool], writing: bool) -> None:
        self._is_passing, self._writing = is_passing, writing

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, PoolTimeout):
            raise Unavailable("The database is busy; please try again.") from error
        if isinstance(error, DBAPIError) and self._is_passing(error, self._writing):
            raise Unavailable("The database cannot be used just now; please try again.") from error


def prepared(statement: Any, *tables: Any) -> Any:
    """A statement built once, narrowed to one account in each of `tables`; only a `Scope` can run it.

    Building a statement costs several times what running it does, so what happens for every message is built
    when its module is imported.
    """
    return statement.where(*(table.c.account_id == sa.bindparam("b_account") for table in tables))


@functools.cache
def _insert_into(into: sa.Table) -> Any:
    """Built once for each table: with plain values given apart, building costs most of an INSERT."""
    return sa.insert(into).returning(into.c.id)


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
        """Insert one row into this account; returns its id. Values may be expressions, such as `db_now()`."""
        made = {name: value for name, value in values.items() if isinstance(value, sa.ClauseElement)}
        given = {name: value for name, value in values.items() if name not in made}
        statement = _insert_into(model.__table__)
        if made:
            statement = statement.values(**made)
        return int(self.connection.execute(statement, {"account_id": self.account_id, **given}).scalar_one())

    def execute(self, statement: Any, **values: Any) -> sa.CursorResult[Any]:
        """Run a `prepared` statement for this account."""
        return self.connection.execute(statement, {"b_account": self.account_id, **values})

    def execute_each(self, statement: Any, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a `prepared` statement for this account with each of these values; it returns nothing.

        Cheaper than one with a list of values, of which the text depends on their number."""
        if rows:
            self.connection.execute(statement, [{"b_account": self.account_id, **row} for row in rows])

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


def _sqlite_engine(address: sa.URL) -> sa.Engine:
    engine = sa.create_engine(
        address,
        pool_size=16,
        max_overflow=112,
        pool_timeout=BUSY_SECONDS,
        hide_parameters=True,  # an error that is logged must not tell what customers wrote
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )
    sa.event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _postgresql_engine(address: sa.URL) -> sa.Engine:
    from receptionist import postgresql  # loads the driver, which SQLite does without

    if address.drivername not in postgresql.NAMES:
        raise ArgumentError(f"{address.drivername} is neither sqlite nor postgresql")
    url = postgresql.driver_url(address)
    engine = sa.create_engine(
        url, pool_timeout=BUSY_SECONDS, hide_parameters=True, use_native_hstore=False, **postgresql.POOL
    )
    postgresql.watch(engine, address)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, see _begin_sqlite
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection, statement: str) -> None:
    """Writers take the lock at once: a deferred BEGIN fails at its first write with SQLITE_BUSY_SNAPSHOT.

    Said here and not by a listener to `begin`: where an engine has one, SQLAlchemy looks for listeners to all of its
    other events, too, at each statement."""
    driver: Any = connection.connection.dbapi_connection  # past SQLAlchemy, whose way to execute costs more than BEGIN
    try:
        driver.execute(statement)
    except sqlite3.Error as error:
        raise OperationalError(statement, None, error) from error
