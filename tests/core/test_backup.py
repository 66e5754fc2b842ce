"""`receptionist backup` copies a database that is in use."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from click.testing import CliRunner

from receptionist.parts import Parts


def test_register_commands_backup_stores_a_whole_copy_while_the_database_is_written(demo: Parts) -> None:
    command = demo.plugins.collect("register_commands", host=demo.host)["backup"]
    result = CliRunner().invoke(command)
    assert result.exit_code == 0, result.output
    key = result.output.split()[2].rstrip(".")
    stored = Path(demo.instance_path, "copy.db")
    with demo.host.storage().open(key) as content:
        stored.write_bytes(content.read())
    with closing(sqlite3.connect(stored)) as copy:
        assert copy.execute("SELECT name FROM accounts").fetchall() == [("Maple Street Bike Works",)]
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert "secret.key" in result.output


def test_without_an_embedded_database_it_says_what_to_do(demo: Parts) -> None:
    command = demo.plugins.collect("register_commands", host=demo.host)["backup"]
    demo.database.dispose()
    (demo.instance_path / "receptionist.db").rename(demo.instance_path / "moved.db")
    result = CliRunner().invoke(command)
    assert result.exit_code == 1
    assert "There is no database at" in result.output
