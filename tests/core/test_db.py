"""The database layer: its clock, its writers, its errors."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa

from receptionist import db, migrations
from receptionist.db import Database, UtcDateTime, db_now
from receptionist.errors import Unavailable
from receptionist.models import Account, Base
from receptionist.parts import Parts


def test_the_clock_is_the_databases_and_moves_by_seconds(parts: Parts) -> None:
    with parts.database.read() as connection:
        now, later = connection.execute(sa.select(db_now(), db_now(90.5))).one()
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=5)
    assert timedelta(seconds=90) < later - now < timedelta(seconds=91)


def test_moments_keep_their_instant_and_sort_as_stored(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
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
    database.dispose()


def test_parallel_read_modify_writes_lose_nothing(parts: Parts) -> None:
    with parts.database.begin() as connection:
        connection.execute(sa.insert(Account).values(name="a", timezone="UTC", revision=0))

    def add() -> None:
        for _ in range(25):
            with parts.database.begin() as connection:
                seen = connection.execute(sa.select(Account.revision)).scalar_one()
                connection.execute(sa.update(Account).values(revision=seen + 1))

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with parts.database.read() as connection:
        assert connection.execute(sa.select(Account.revision)).scalar_one() == 200


def test_a_database_that_stays_locked_is_unavailable(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "BUSY_SECONDS", 0.1)
    with parts.database.begin():
        failed: list[Exception] = []

        def write() -> None:
            try:
                with parts.database.begin():
                    pass
            except Unavailable as error:
                failed.append(error)

        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    assert len(failed) == 1


def test_a_failed_transaction_leaves_nothing(parts: Parts) -> None:
    with pytest.raises(ZeroDivisionError), parts.database.begin() as connection:
        connection.execute(sa.insert(Account).values(name="a", timezone="UTC"))
        raise ZeroDivisionError
    with parts.database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(Account)).scalar_one() == 0


def test_migrations_make_exactly_the_tables_of_the_models(parts: Parts) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with parts.database.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrating_twice_changes_nothing(parts: Parts) -> None:
    assert migrations.current(parts.database) == migrations.newest()
    migrations.upgrade(parts.database)
    assert migrations.current(parts.database) == migrations.newest()


def test_every_table_but_accounts_belongs_to_an_account() -> None:
    for table in Base.metadata.sorted_tables:
        if table.name == "accounts":
            continue
        assert not table.c.account_id.nullable, table.name
        for constraint in table.foreign_key_constraints:
            if constraint.referred_table.name != "accounts":
                assert constraint.column_keys[0] == "account_id", f"{table.name}: {constraint.column_keys}"
