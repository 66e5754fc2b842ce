"""A database as an earlier version of the program left it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from receptionist import migrations
from receptionist.db import Database
from tests.harness.databases import DATABASES
from tests.servers.postgres import PostgresServer


@pytest.fixture(params=DATABASES)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of the revision that the test's module names as `REVISION`."""
    url = f"sqlite:///{tmp_path / 'old.db'}"
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.new_database()
    database = Database(url)
    move(database, command.upgrade, request.module.REVISION)
    yield database
    database.dispose()
    if request.param == "postgresql":
        server.drop_database(url)


def move(database: Database, step: Callable[[Config, str], None], revision: str) -> None:
    """Bring a database to a revision; `step` is Alembic's `upgrade` or `downgrade`."""
    config = Config()
    config.set_main_option("script_location", str(migrations.HERE))
    with database.migrating() as connection:
        config.attributes["connection"] = connection
        step(config, revision)
