"""`receptionist backup`: a copy of the embedded database, taken while it runs, into the storage."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import click

from receptionist import Host, hookimpl


def copy_database(source: Path, target: Path) -> None:
    """Copy a SQLite database that others are writing to, as it is at one moment (sqlite.org/backup.html)."""
    opened = sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True, timeout=10)
    with closing(opened) as here, closing(sqlite3.connect(target)) as there:
        here.backup(there)


@hookimpl
def register_commands(host: Host) -> list[click.Command]:
    """`receptionist backup`."""

    @click.command()
    def backup() -> None:
        """Copy the embedded database into the storage, under backups/; the key file is not part of it."""
        source = host.database_file
        if source is None:
            raise click.ClickException("DATABASE_URL names a server; back it up with its own tools, such as pg_dump.")
        if not source.exists():
            raise click.ClickException(f"There is no database at {source} yet.")
        key = f"backups/{datetime.now(UTC):%Y%m%dT%H%M%SZ}.db"
        with tempfile.TemporaryDirectory(dir=host.instance_path) as folder:
            copy = Path(folder) / "copy.db"
            copy_database(source, copy)
            with copy.open("rb") as content:
                host.storage().save(key, content)
        click.echo(f"Stored as {key}. Keep {host.instance_path / 'secret.key'} too: without it no secret can be read.")

    return [backup]
