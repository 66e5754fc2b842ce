"""PostgreSQL: how connections are made, watched and given up, and which of its errors pass by themselves."""

from __future__ import annotations

import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import errors, pq
from sqlalchemy.exc import ArgumentError, InvalidatePoolError

POOL_SIZE = 8
"""Connections of one process: few, as transactions are short; so 12 processes fit PostgreSQL's default of 100."""
CONNECT_SECONDS = 5
LOCK_SECONDS = 5
STATEMENT_SECONDS = 6
"""Told to the server, which then cancels the statement."""
ANSWER_SECONDS = 8.0
"""After so long without any answer the server is taken for dead, whatever its kernel still acknowledges."""
IDLE_SECONDS = 10
"""A process that is silent for so long within a transaction is frozen or gone: the server gives its locks back."""
MIGRATION_SECONDS = 3600
MIGRATION_LOCK = 7_214_503_376_541_127_003
"""The advisory lock that migrations take; any number will do that nobody else uses in this database."""

PASSING = frozenset({"25P03", "25P04", "40001", "40P01", "55P03"})
"""Ended while idle or for lasting too long, serialization failure, deadlock, lock not available."""
READ_ONLY = "25006"
PASSING_CLASSES = frozenset({"08", "53", "57", "58"})
"""Connection, out of resources (disk, memory, connections), operator intervention, system error."""

POOL = {"pool_size": POOL_SIZE, "max_overflow": 0, "pool_use_lifo": True}
NAMES = frozenset({"postgres", "postgresql", "postgresql+psycopg"})
"""How an address of PostgreSQL may begin: hosts give `postgres://`, which SQLAlchemy does not know."""


class WatchedConnection(psycopg.Connection[Any]):
    """Gives up a server that does not answer: TCP notices a dead machine, but not a frozen server or disk."""

    patience = ANSWER_SECONDS

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for the server, as psycopg does, but never longer than `patience`."""
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, self.patience)
        except errors._WaitTimeout:
            self.pgconn.finish()  # so that nobody, a rollback least of all, waits for it again
            raise psycopg.OperationalError(f"PostgreSQL did not answer within {self.patience:g} s") from None


def driver_url(url: sa.URL) -> sa.URL:
    """The same address for psycopg 3. Raises `ArgumentError` for a wrong `prepare_threshold`."""
    _threshold(url)
    return url.set(drivername="postgresql+psycopg").difference_update_query(["prepare_threshold"])


def watch(engine: sa.Engine, url: sa.URL) -> None:
    """Have the engine's connections made with our limits, and looked at when they are taken from the pool.

    What the URL says wins: every parameter of libpq may stand there. `prepare_threshold=none` says that a pooler
    is in the way which hands each transaction to another session (PgBouncer): nothing is prepared then, and no
    setting is made for a session, so that only the limits of this side hold.
    """
    defaults = _parameters(_threshold(url))

    @sa.event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, arguments: Any, parameters: dict[str, Any]) -> Any:
        return WatchedConnection.connect(*arguments, **{**defaults, **parameters})

    sa.event.listen(engine, "checkout", _refuse_dead)


def is_passing(error: sa.exc.DBAPIError, writing: bool) -> bool:
    """Whether the same request may well work later: the server is away, full, busy, or (`writing`) a standby.

    A serialization failure or a deadlock counts too: the transaction is gone and nothing of it is stored, but
    its statements are the caller's, so the caller begins again.
    """
    cause = error.orig
    if not isinstance(cause, psycopg.Error):
        return False
    if cause.sqlstate is None:  # never reached the server, or never heard of again
        return isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError)
    if cause.sqlstate == READ_ONLY:
        return writing  # else the program writes where it said that it only reads
    return cause.sqlstate in PASSING or cause.sqlstate[:2] in PASSING_CLASSES


@contextmanager
def migrating(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction for migrations, on a connection of its own: one at a time, and with time for large tables."""
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        connection.detach()  # from the pool, so that it is closed at the end with its own patience
        driver.patience = MIGRATION_SECONDS
        with connection.begin():
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{MIGRATION_SECONDS}s'")
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{MIGRATION_SECONDS}s'")
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")  # others wait behind us
            yield connection


def connections(connection: sa.Connection) -> int:
    """How many connections this server, database and role leave to us all."""
    statement = """
        SELECT least(
            current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                - coalesce(current_setting('reserved_connections', true)::int, 0),
            nullif(datconnlimit, -1), nullif(rolconnlimit, -1))
        FROM pg_database, pg_roles WHERE datname = current_database() AND rolname = current_user"""
    return int(connection.exec_driver_sql(statement).scalar_one())


def _threshold(url: sa.URL) -> int | None:
    text = url.query.get("prepare_threshold", "5")  # psycopg's own: a statement's fifth run prepares it
    if text == "none":
        return None
    if isinstance(text, str) and text.isdigit():
        return int(text)
    raise ArgumentError(f"prepare_threshold={text!r} is neither a number nor none")


def _parameters(threshold: int | None) -> dict[str, Any]:
    """Of libpq and psycopg (postgresql.org/docs/current/libpq-connect.html, "Parameter Key Words")."""
    limits = {
        "statement_timeout": STATEMENT_SECONDS,
        "lock_timeout": LOCK_SECONDS,
        "idle_in_transaction_session_timeout": IDLE_SECONDS,
    }
    options = " ".join(f"-c {name}={seconds}s" for name, seconds in limits.items())
    return {
        "prepare_threshold": threshold,
        "connect_timeout": CONNECT_SECONDS,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 2,
        "tcp_user_timeout": int(ANSWER_SECONDS * 1000),
        "fallback_application_name": "receptionist",
        **({"options": options} if threshold is not None else {}),
    }


def _refuse_dead(connection: WatchedConnection, _record: Any, _proxy: Any) -> None:
    """A server says nothing to who asked nothing, unless it says good-bye; then all its connections are gone.

    Looking costs a microsecond, where asking (`pool_pre_ping`) costs a round trip for each transaction.
    """
    waiting = select.poll()
    if connection.pgconn.status == pq.ConnStatus.OK:
        waiting.register(connection.pgconn.socket, select.POLLIN)
        if not waiting.poll(0):
            return
    raise InvalidatePoolError
