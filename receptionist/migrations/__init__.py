"""The database's history: Alembic, run from `receptionist migrate` or before the first start."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from receptionist.db import Database
from receptionist.errors import AdminError

HERE = Path(__file__).parent


def newest() -> str:
    """The newest revision there is: revisions are numbered in their file names, so nothing is imported."""
    return max(path.stem.split("_")[0] for path in (HERE / "versions").glob("[0-9]*.py"))


def current(database: Database) -> str | None:
    """The revision the database is at; None for an empty one."""
    with database.read() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def require_newest(database: Database) -> None:
    """Raises `AdminError` if the database is not at the newest revision."""
    if (at := current(database)) != newest():
        state = "is empty" if at is None else f"is at revision {at}, not {newest()}"
        raise AdminError(f"The database {state}; run: receptionist migrate")


def upgrade(database: Database) -> None:
    """Bring the database to the newest revision, all or nothing; a second one at the same time waits and is done."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    with database.migrating() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
