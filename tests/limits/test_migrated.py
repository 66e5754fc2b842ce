"""Usage that was there before it was added up by month."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from receptionist import migrations
from receptionist.db import Database, Scope
from receptionist.services import accounts, limits
from tests.servers.postgres import PostgresServer

DAYS = [
    ("2026-06-30", "lead", 5, 1, 10),
    ("2026-07-01", "lead", 5, 2, 20),
    ("2026-07-31", "lead", 5, 3, 30),
    ("2026-07-31", "lead", 6, 9, 90),
    ("2026-07-31", "account", 1, 12, 120),
]


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of the revision before, with an account."""
    url = f"sqlite:///{tmp_path / 'old.db'}"
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.new_database()
    database = Database(url)
    config = Config()
    config.set_main_option("script_location", str(migrations.HERE))
    with database.migrating() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        accounts.create(connection, "Old House", "Europe/Berlin")
    yield database
    database.dispose()
    if request.param == "postgresql":
        server.drop_database(url)


def test_days_that_are_kept_are_added_up(old: Database) -> None:
    with old.begin() as connection:
        for day, kind, subject, turns, tokens in DAYS:
            connection.exec_driver_sql(
                "INSERT INTO usage_days (account_id, day, kind, subject_id, turns, tokens, cost)"
                f" VALUES (1, '{day}', '{kind}', {subject}, {turns}, {tokens}, {tokens})"
            )
    migrations.upgrade(old)
    with old.read() as connection:
        scope = Scope(connection, 1)
        june, july = (limits.usage_of_leads(scope, month=date(2026, number, 1)) for number in (6, 7))
    assert [tuple(row) for row in june] == [(5, None, 1, 10, 10)]
    assert [tuple(row) for row in july] == [(6, None, 9, 90, 90), (5, None, 5, 50, 50)]
