"""A real installation: `receptionist run` as a process group of its own on a temporary folder."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg
from dotenv import dotenv_values

from tests.harness.forked import ROOT, Fork, parent

KEPT = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "COVERAGE_PROCESS_START")


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Row(tuple[Any, ...]):
    """A row as `sqlite3.Row` is one: values in order, each also to be had by its column's name."""

    names: list[str]

    def __getitem__(self, key: Any) -> Any:
        """The value of a column, by name or place."""
        return super().__getitem__(self.names.index(key) if isinstance(key, str) else key)


class Installation:
    """One instance folder and, while it runs, its processes. A second one may share the folder."""

    command = "run"
    """What `receptionist` is started with."""

    cold = False
    """Whether a new Python is started for it, as a host does it, and not a fork: see `tests.harness.forked`."""

    def __init__(self, path: Path, **settings: object) -> None:
        self.path = path
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.settings = {name.upper(): str(value) for name, value in settings.items()}
        self._process: subprocess.Popen[bytes] | Fork | None = None
        self._log = path / f"log-{self.port}.txt"

    def drop_in(self, source: Path | str, name: str = "") -> None:
        """Put a plugin into the folder: a file, or a plugin's text under `name`; used from the next start on."""
        folder = self.path / "plugins"
        folder.mkdir(exist_ok=True)
        if isinstance(source, Path):
            shutil.copy(source, folder)
        else:
            (folder / f"{name}.py").write_text(source, encoding="utf-8")

    def environment(self) -> dict[str, str]:
        """What the processes see of the environment."""
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        own = {"INSTANCE_PATH": str(self.path), "PORT": str(self.port)}
        return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **own, **self.settings}

    def start(self, timeout: float = 30.0) -> None:
        """Start and return when it works. Raises `RuntimeError` with the log if it does not."""
        self._process = self._cold_start() if self._is_cold else self._fork([self.command], self._log)
        until = time.monotonic() + timeout
        while not self.works():
            if self._process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise RuntimeError(f"receptionist {self.command} did not start:\n{self.log()}")
            time.sleep(0.03)

    def _cold_start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "receptionist", self.command],
                env=self.environment(),
                cwd=self.path,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _fork(self, arguments: Sequence[str], *outputs: Path) -> Fork:
        return parent.start(arguments, self.environment(), self.path, *outputs)

    @property
    def _is_cold(self) -> bool:
        return self.cold or "COVERAGE_PROCESS_START" in os.environ  # which begins with a new Python

    def works(self) -> bool:
        """Whether it does what it was started for."""
        return self.healthy()

    def healthy(self) -> bool:
        """Whether `/health` answers 200 now."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    @property
    def running(self) -> bool:
        """Whether the first process lives."""
        return self._process is not None and self._process.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal to the whole group."""
        assert self._process is not None, "start it first"
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def freeze(self) -> None:
        """SIGSTOP to the whole group; returns when all its threads rest, which takes a busy machine a moment."""
        self.signal(signal.SIGSTOP)
        assert self._process is not None
        table = ["ps", "-L", "-o", "stat=", "-g", str(self._process.pid)]  # of the session
        until = time.monotonic() + 5
        while time.monotonic() < until:
            states = subprocess.run(table, capture_output=True, text=True, check=False).stdout.split()
            if states and all(state[0] in "TZ" for state in states):
                return
        raise TimeoutError(f"{self.command} cannot be frozen: {states}")

    def kill(self) -> None:
        """SIGKILL to every process of the installation."""
        if self._process is not None:
            self.signal(signal.SIGKILL)
            self._process.wait(10)

    def terminate(self) -> None:
        """SIGTERM to the first process, as a host does it."""
        assert self._process is not None, "start it first"
        self._process.send_signal(signal.SIGTERM)

    def wait(self, timeout: float = 25.0) -> int:
        """The exit status, when it has ended."""
        assert self._process is not None, "start it first"
        return self._process.wait(timeout)

    def log(self) -> str:
        """All it wrote."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `receptionist` with these arguments on the same folder."""
        if self._is_cold:
            command = [sys.executable, "-m", "receptionist", *arguments]
            return subprocess.run(
                command, env=self.environment(), cwd=self.path, capture_output=True, text=True, timeout=60, check=False
            )
        with tempfile.TemporaryDirectory() as folder:
            outputs = [Path(folder) / name for name in ("output", "errors")]
            status = self._fork(arguments, *outputs).wait(60)
            said, complained = (output.read_text(encoding="utf-8") for output in outputs)
        return subprocess.CompletedProcess(arguments, status, said, complained)

    @property
    def database_url(self) -> str:
        """Its PostgreSQL database; empty for the embedded one."""
        return self.settings.get("DATABASE_URL") or dotenv_values(self.path / "settings.env").get("DATABASE_URL") or ""

    def sql(self, statement: str, *values: Any) -> list[Any]:
        """Rows of a query, opened for reading only; `?` stands for a value on both databases."""
        if self.database_url:
            with psycopg.connect(self.database_url, autocommit=True, row_factory=_rows) as postgres:
                postgres.read_only = True
                return list(postgres.execute(statement.replace("%", "%%").replace("?", "%s"), values))  # type: ignore[arg-type]
        with contextlib.closing(sqlite3.connect(f"file:{self.path}/receptionist.db?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA busy_timeout = 5000")
            return connection.execute(statement, values).fetchall()


def _rows(cursor: psycopg.Cursor[Row]) -> Callable[[Sequence[Any]], Row]:
    return type("Row", (Row,), {"names": [column.name for column in cursor.description or []]})
