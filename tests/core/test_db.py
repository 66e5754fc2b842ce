"""The database layer: its clock, its writers, its errors; on both databases."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa

from receptionist import migrations
from receptionist.db import Database, UtcDateTime, db_now
from receptionist.errors import Unavailable
from receptionist.models import Account, Base
from tests.servers.postgres import PostgresServer


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Database]:
    """A migrated SQLite database."""
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    migrations.upgrade(database)
    yield database
    database.dispose()


@pytest.fixture(scope="module")
def migrated(postgres: PostgresServer) -> str:
    """The URL of a migrated PostgreSQL database to copy."""
    url = postgres.new_database()
    database = Database(url)
    migrations.upgrade(database)
    database.dispose()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A migrated database."""
    if request.param == "sqlite":
        yield request.getfixturevalue("embedded")
        return
    server = request.getfixturevalue("postgres")
    url = server.new_database(request.getfixturevalue("migrated"))
    database = Database(url)
    yield database
    database.dispose()
    server.drop_database(url)


def test_the_clock_is_the_databases_and_moves_by_seconds(database: Database) -> None:
    with database.read() as connection:
        now, later = connection.execute(sa.select(db_now(), db_now(90.5))).one()
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=5)
    assert timedelta(seconds=90) < later - now < timedelta(seconds=91)


def test_moments_keep_their_instant_and_sort_as_stored(database: Database) -> None:
    table = sa.Table("t", sa.MetaData(), sa.Column("at", UtcDateTime))
    tokyo = timezone(timedelta(hours=9))
    early, late = datetime(2026, 3, 1, 8, 59, tzinfo=tokyo), datetime(2026, 3, 1, 0, 0, tzinfo=UTC)
    with database.begin() as connection:
        table.create(connection)
        connection.execute(sa.insert(table), [{"at": late}, {"at": early}])
        assert list(connection.execute(sa.select(table.c.at).order_by(table.c.at)).scalars()) == [early, late]
        assert connection.execute(sa.select(table.c.at).where(table.c.at < db_now(-60))).scalars().all() == [
            late,
            early,
        ]


def test_parallel_read_modify_writes_of_a_locked_row_lose_nothing(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(sa.insert(Account).values(name="a", timezone="UTC", revision=0))

    def add() -> None:
        for _ in range(25):
            with database.begin() as connection:
                seen = connection.execute(sa.select(Account.revision).with_for_update()).scalar_one()
                connection.execute(sa.update(Account).values(revision=seen + 1))

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as connection:
        assert connection.execute(sa.select(Account.revision)).scalar_one() == 200


def test_a_database_that_stays_locked_is_unavailable(embedded: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded._turn, "_seconds", 0.1)
    with embedded.begin():
        failed: list[Exception] = []

        def write() -> None:
            try:
                with embedded.begin():
                    pass
            except Unavailable as error:
                failed.append(error)

        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    assert len(failed) == 1


def test_a_full_disk_is_unavailable_whatever_the_text_says(embedded: Database) -> None:
    with embedded.begin() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    with pytest.raises(Unavailable), embedded.begin() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        for number in range(10):
            text = f"{number}: no such luck, syntax error. " + "x" * 4000
            connection.execute(sa.insert(Account).values(name=text, timezone="UTC"))


def test_a_file_that_may_only_be_read_is_unavailable(embedded: Database) -> None:
    with pytest.raises(Unavailable), embedded.begin() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
        connection.execute(sa.insert(Account).values(name="a", timezone="UTC"))


@pytest.mark.parametrize("name", ["x.db", "link.db"])
def test_a_durable_commit_waits_for_the_log_whatever_the_file_is_called(
    embedded: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (folder := tmp_path / "elsewhere").mkdir()
    (folder / "link.db").symlink_to(tmp_path / "x.db")
    database = Database(f"sqlite:///{folder if name == 'link.db' else tmp_path}/{name}")
    flushed: list[os.stat_result] = []
    monkeypatch.setattr(os, "fsync", lambda handle: flushed.append(os.fstat(handle)))
    with database.begin(durable=True) as connection:
        connection.exec_driver_sql("CREATE TABLE promised (id INTEGER)")
    assert [each.st_ino for each in flushed] == [(tmp_path / "x.db-wal").stat().st_ino]
    database.dispose()


def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.begin() as connection:
        connection.execute(sa.insert(Account).values(name="a", timezone="UTC"))
        raise ZeroDivisionError
    with database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(Account)).scalar_one() == 0


def test_migrations_make_exactly_the_tables_of_the_models(database: Database) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with database.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrating_twice_changes_nothing(database: Database) -> None:
    assert migrations.current(database) == migrations.newest()
    migrations.upgrade(database)
    assert migrations.current(database) == migrations.newest()


def test_every_table_but_accounts_belongs_to_an_account() -> None:
    for table in Base.metadata.sorted_tables:
        if table.name == "accounts":
            continue
        assert not table.c.account_id.nullable, table.name
        for constraint in table.foreign_key_constraints:
            if constraint.referred_table.name != "accounts":
                assert constraint.column_keys[0] == "account_id", f"{table.name}: {constraint.column_keys}"


def test_an_error_that_is_logged_does_not_tell_what_was_written(database: Database) -> None:
    with pytest.raises(sa.exc.DBAPIError) as error, database.begin() as connection:
        connection.execute(sa.text("INSERT INTO nowhere VALUES (:text)"), {"text": "kanarienvogel"})
    assert "nowhere" in str(error.value) and "kanarienvogel" not in str(error.value)
