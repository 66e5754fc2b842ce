"""A real PostgreSQL on a port of its own, with one cheap database for each test that wants one."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import psycopg

from tests.harness.installation import free_port
from tests.servers.process import ServerProcess

USER = "postgres"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",  # killed processes lose nothing all the same, only the machine's death would
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "autovacuum": "off",  # would hold a template while it is copied
    "max_wal_size": "128MB",
    "log_min_messages": "fatal",
}


def programs() -> Path | None:
    """The folder of `initdb` and `postgres`: Debian keeps them off PATH."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    folders = Path("/usr/lib/postgresql").glob("[0-9]*/bin")
    there = [folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()]
    return max(there, key=lambda folder: float(folder.parent.name), default=None)


def missing() -> str | None:
    """What keeps PostgreSQL from running here."""
    if programs() is None:
        return "no /usr/lib/postgresql/*/bin/initdb and none on PATH (sudo apt install postgresql)"
    if os.getuid() == 0 and not any(entry.pw_name == USER for entry in pwd.getpwall()):
        return f"it refuses to run as root, and there is no user {USER} (sudo apt install postgresql)"
    return None


class PostgresServer(ServerProcess):
    """Made in an empty folder that all may enter, then started with `start`; everybody on this machine may sign in."""

    polite = signal.SIGINT  # SIGTERM waits for the last client

    def __init__(self, folder: Path, **settings: str) -> None:
        bin_ = programs()
        assert bin_ is not None, missing()
        self.port = free_port()
        self._numbers = itertools.count(1)
        user = USER if os.getuid() == 0 else None
        if user is not None:
            shutil.chown(folder, user, user)
        data = folder / "data"
        initdb = [bin_ / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(
            initdb, user=user, group=user, extra_groups=None if user is None else [], cwd=folder,
            check=True, capture_output=True,
        )  # fmt: skip
        all_settings = {**SETTINGS, "port": str(self.port), "unix_socket_directories": str(folder), **settings}
        command = [str(bin_ / "postgres"), "-D", str(data)]
        command += [word for name, value in all_settings.items() for word in ("-c", f"{name}={value}")]
        super().__init__(command, folder, self._answers, user)

    def url(self, database: str) -> str:
        """What DATABASE_URL is set to for this database."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def new_database(self, template: str = "") -> str:
        """The URL of a new database, a copy of the one at the URL `template` (which nobody may be using) or empty."""
        name = f"test_{next(self._numbers)}"
        source = f" TEMPLATE {template.rpartition('/')[2]} STRATEGY FILE_COPY" if template else ""
        self.sql(f"CREATE DATABASE {name}{source}")
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Forget a database; who is still connected is thrown out."""
        self.sql(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of a statement of the server's administrator."""
        with self._connect() as connection:
            cursor = connection.execute(statement, values or None)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(self.url("postgres"), autocommit=True, connect_timeout=5)

    def _answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True
