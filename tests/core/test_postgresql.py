"""PostgreSQL that dies, freezes, fills up or is busy: said within a deadline, and over when it is over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DataError, ProgrammingError

from receptionist import db, migrations, postgresql
from receptionist.db import Database
from receptionist.doctor import examine
from receptionist.errors import Unavailable
from tests.harness.house import House
from tests.harness.installation import Installation
from tests.servers.postgres import PostgresServer

ROWS = "CREATE TABLE rows (id int PRIMARY KEY, text varchar(20)); INSERT INTO rows VALUES (1, 'a'), (2, 'b')"
NAP = 0.4


@pytest.fixture
def url(postgres: PostgresServer) -> Iterator[str]:
    """A database with two rows."""
    url = postgres.new_database()
    yield url
    postgres.resume()
    postgres.start()
    postgres.drop_database(url)


@pytest.fixture
def connect(url: str) -> Iterator[Callable[..., Database]]:
    """`connect("?option")`: what a process has of the database."""
    made: list[Database] = []

    def connect(query: str = "", scheme: str = "postgresql") -> Database:
        made.append(Database(url.replace("postgresql", scheme, 1) + query))
        return made[-1]

    with connect().begin() as connection:
        connection.exec_driver_sql(ROWS)
    yield connect
    for database in made:
        database.dispose()


@pytest.fixture
def database() -> str:
    """What `house` runs on."""
    return "postgresql"


def ids(database: Database) -> list[int]:
    with database.read() as connection:
        return list(connection.exec_driver_sql("SELECT id FROM rows ORDER BY id").scalars())


def refused_within(seconds: float, work: Callable[[], Any]) -> None:
    started = time.monotonic()
    with pytest.raises(Unavailable):
        work()
    assert time.monotonic() - started < seconds


def write(database: Database, statement: str = "UPDATE rows SET text = text") -> None:
    with database.begin() as connection:
        connection.exec_driver_sql(statement)


def fill_pool(database: Database) -> ExitStack:
    stack = ExitStack()
    for _ in range(postgresql.POOL_SIZE):
        stack.enter_context(database.begin()).exec_driver_sql("SELECT 1")
    return stack


def test_who_asked_first_is_served_first(connect: Callable[..., Database]) -> None:
    database = connect()
    line: Any = database._turn
    served: list[int] = []

    def look(number: int) -> None:
        with database.read(once=True) as connection:
            connection.exec_driver_sql("SELECT 1")
            served.append(number)

    threads = [threading.Thread(target=look, args=(number,)) for number in range(20)]
    with ExitStack() as held:
        for _ in range(postgresql.POOL_SIZE - 1):
            held.enter_context(database.begin())
        with database.begin():
            for number, thread in enumerate(threads):
                thread.start()
                while len(line._waiting) <= number:
                    time.sleep(0.001)
        for thread in threads:
            thread.join()
    assert served == list(range(20))


def test_who_gives_up_takes_nobodys_place(connect: Callable[..., Database], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "BUSY_SECONDS", 0.2)
    database = connect()
    with fill_pool(database):
        for _ in range(3):
            refused_within(2, lambda: ids(database))
    with ThreadPoolExecutor(postgresql.POOL_SIZE) as pool:
        assert list(pool.map(lambda _: ids(database), range(20))) == [[1, 2]] * 20


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_way_to_write_the_address_works(scheme: str, connect: Callable[..., Database]) -> None:
    assert ids(connect(scheme=scheme)) == [1, 2]


def test_a_killed_server_is_said_at_once_and_missed_no_longer(
    connect: Callable[..., Database], postgres: PostgresServer
) -> None:
    database = connect()
    fill_pool(database).close()
    postgres.kill()
    for _ in range(3):
        refused_within(2, lambda: ids(database))
    postgres.start()
    with ThreadPoolExecutor(postgresql.POOL_SIZE) as pool:
        assert list(pool.map(lambda _: ids(database), range(20))) == [[1, 2]] * 20


def test_a_restart_between_two_requests_is_not_noticed(
    connect: Callable[..., Database], postgres: PostgresServer
) -> None:
    database = connect()
    fill_pool(database).close()
    postgres.stop()
    postgres.start()
    for _ in range(postgresql.POOL_SIZE):
        assert ids(database) == [1, 2]


def test_a_server_that_dies_within_a_transaction_leaves_nothing(
    connect: Callable[..., Database], postgres: PostgresServer
) -> None:
    database = connect()

    def die() -> None:
        with database.begin() as connection:
            connection.exec_driver_sql("DELETE FROM rows WHERE id = 1")
            postgres.kill()

    refused_within(5, die)
    postgres.start()
    assert ids(database) == [1, 2]


def test_a_frozen_server_is_given_up(
    connect: Callable[..., Database], postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql.WatchedConnection, "patience", NAP)
    database = connect("?connect_timeout=2")
    assert ids(database) == [1, 2]
    postgres.pause()
    refused_within(NAP + 1, lambda: ids(database))  # on the connection there was
    refused_within(4, lambda: write(database))  # on a new one, which its kernel still accepts
    postgres.resume()
    assert ids(database) == [1, 2]


def test_reading_sees_one_state(connect: Callable[..., Database]) -> None:
    database = connect()
    with database.read() as connection:
        before = connection.exec_driver_sql("SELECT text FROM rows ORDER BY id").scalars().all()
        write(database, "UPDATE rows SET text = 'changed'")
        assert connection.exec_driver_sql("SELECT text FROM rows ORDER BY id").scalars().all() == before
    with database.read(once=True) as connection:
        assert set(connection.exec_driver_sql("SELECT text FROM rows").scalars()) == {"changed"}
    write(database, "DELETE FROM rows WHERE id = 1")  # the connection went back as it was
    assert ids(database) == [2]


def test_writers_see_what_was_committed_while_they_waited(connect: Callable[..., Database]) -> None:
    database = connect()
    write(database, "UPDATE rows SET text = '0'")

    def add(_: int) -> None:
        write(database, "UPDATE rows SET text = (text::int + 1)::text WHERE id = 1")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(add, range(100)))
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT text FROM rows WHERE id = 1").scalar() == "100"


def test_more_threads_than_connections_wait_and_are_then_refused(
    connect: Callable[..., Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "BUSY_SECONDS", NAP)
    database = connect()
    with fill_pool(database):
        refused_within(NAP + 1, lambda: ids(database))
    assert ids(database) == [1, 2]


def test_a_statement_that_takes_too_long_is_cancelled(
    connect: Callable[..., Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "STATEMENT_SECONDS", NAP)
    database = connect()
    refused_within(NAP + 2, lambda: write(database, "SELECT pg_sleep(30)"))
    assert ids(database) == [1, 2]


def test_who_waits_too_long_for_a_row_is_refused(
    connect: Callable[..., Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "LOCK_SECONDS", NAP)
    database = connect()
    with database.begin() as connection:
        connection.exec_driver_sql("UPDATE rows SET text = 'mine'")
        refused_within(NAP + 2, lambda: write(database))


def test_a_process_that_froze_within_a_transaction_loses_its_rows(
    connect: Callable[..., Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "IDLE_SECONDS", NAP)
    frozen, other = connect(), connect()
    with pytest.raises(Unavailable), frozen.begin() as connection:
        connection.exec_driver_sql("UPDATE rows SET text = 'frozen'")
        write(other, "UPDATE rows SET text = text || '!'")  # waits until the server has thrown the first out
        connection.exec_driver_sql("SELECT 1")
    with other.read() as connection:
        assert list(connection.exec_driver_sql("SELECT text FROM rows ORDER BY id").scalars()) == ["a!", "b!"]


def test_of_two_that_deadlock_one_is_refused_and_the_other_served(connect: Callable[..., Database]) -> None:
    database = connect()
    met = threading.Barrier(2)

    def cross(order: tuple[int, int]) -> str:
        try:
            with database.begin() as connection:
                connection.exec_driver_sql(f"UPDATE rows SET text = 'x' WHERE id = {order[0]}")
                met.wait(5)
                connection.exec_driver_sql(f"UPDATE rows SET text = 'x' WHERE id = {order[1]}")
        except Unavailable:
            return "refused"
        return "served"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(cross, [(1, 2), (2, 1)])) == ["refused", "served"]


def test_a_server_without_room_refuses_and_goes_on(connect: Callable[..., Database]) -> None:
    """What a full disk says (class 53), said by a limit on temporary files."""
    database = connect("?options=-c%20temp_file_limit=64%20-c%20work_mem=64")
    sort = "SELECT count(*) FROM (SELECT i FROM generate_series(1, 200000) i ORDER BY -i) sorted"
    refused_within(5, lambda: write(database, sort))
    assert ids(database) == [1, 2]


def test_a_standby_refuses_what_is_written(connect: Callable[..., Database]) -> None:
    database = connect("?options=-c%20default_transaction_read_only=on")
    refused_within(5, lambda: write(database))
    assert ids(database) == [1, 2]


@pytest.mark.parametrize(
    ("statement", "error"),
    [("SELECT * FROM nowhere", ProgrammingError), (f"UPDATE rows SET text = '{'x' * 21}'", DataError)],
)
def test_mistakes_of_the_program_are_not_called_an_outage(
    statement: str, error: type[Exception], connect: Callable[..., Database]
) -> None:
    with pytest.raises(error):
        write(connect(), statement)


@pytest.mark.parametrize(("query", "prepared", "limit"), [("", 1, "6s"), ("?prepare_threshold=none", 0, "0")])
def test_statements_are_prepared_unless_a_pooler_is_in_the_way(
    query: str, prepared: int, limit: str, connect: Callable[..., Database]
) -> None:
    database = connect(query)
    for _ in range(8):
        ids(database)
    with database.read() as connection:
        count = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT id FROM rows%%'"
        assert connection.exec_driver_sql(count).scalar() == prepared
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == limit


def test_a_wrong_address_is_refused_at_the_start() -> None:
    with pytest.raises(ArgumentError, match="prepare_threshold"):
        Database("postgresql://127.0.0.1/x?prepare_threshold=often")
    with pytest.raises(ArgumentError, match="mysql"):
        Database("mysql://127.0.0.1/x")


def test_two_migrations_at_once_do_no_harm(url: str, tmp_path: Path) -> None:
    releases = [Installation(tmp_path, DATABASE_URL=url) for _ in range(3)]
    with ThreadPoolExecutor(len(releases)) as pool:
        ended = list(pool.map(lambda release: release.cli("migrate"), releases))
    assert [(result.returncode, result.stderr) for result in ended] == [(0, "")] * len(releases)
    database = Database(url)
    assert migrations.current(database) == migrations.newest()
    database.dispose()


def test_a_migration_that_fails_leaves_nothing(connect: Callable[..., Database]) -> None:
    database = connect()
    with pytest.raises(ZeroDivisionError), database.migrating() as connection:
        connection.exec_driver_sql("CREATE TABLE half (id int)")
        raise ZeroDivisionError
    with database.read() as connection:
        assert not sa.inspect(connection).has_table("half")


def test_the_doctor_names_the_database_and_how_many_processes_fit(house: House, postgres: PostgresServer) -> None:
    findings = {finding.what: finding for finding in examine(house.parts, house.factory)}
    assert findings["database"].text.startswith("PostgreSQL ")
    assert findings["database"].text.endswith(f"revision {migrations.newest()}")
    room = findings["database connections"]
    assert (room.good, room.text.split(",")[0]) == (True, "97 are enough for 12 processes")
    postgres.sql("ALTER DATABASE " + str(house.parts.database.engine.url.database) + " CONNECTION LIMIT 10")
    room = {finding.what: finding for finding in examine(house.parts, house.factory)}["database connections"]
    assert (room.good, "max_connections" in room.text) == (False, True)
