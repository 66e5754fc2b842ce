"""Starts `receptionist` quickly: as a fork of a process that has imported everything and does nothing else.

Importing takes a second of a processor each time, and the tests start more than a hundred processes. A fork is a
process of its own like any other: settings, plugins, database, threads and signals are its own. What it hides is a
module that a cold start would miss, so each way to run is started cold by a test too (`Installation.cold`).
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

ROOT = Path(__file__).resolve().parents[2]
PRELOADED = (
    "receptionist.cli",
    "receptionist.app",
    "receptionist.worker",
    "receptionist.pipeline.door",
    "flask_sock",
    "jwt",
    "psycopg",
    "redis",
    "simple_websocket",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
)
"""Neither plugins, which each process loads from its own folder, nor gunicorn, which remembers where it is imported."""


class Fork:
    """A started process; the part of `subprocess.Popen` that tests need."""

    def __init__(self, parent: _Parent, pid: int) -> None:
        self._parent, self.pid = parent, pid
        self.returncode: int | None = None
        self._asking = threading.Lock()

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        with self._asking:  # the status can be had once only
            if self.returncode is None:
                self.returncode = self._parent.ask({"ended": self.pid})
            return self.returncode

    def wait(self, timeout: float) -> int:
        """The exit status, when it has ended. Raises `subprocess.TimeoutExpired`."""
        until = time.monotonic() + timeout
        while (status := self.poll()) is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired("receptionist", timeout)
            time.sleep(0.005)
        return status

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)


class _Parent:
    """The process that forks; made when it is first needed, and gone with this one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._file: Any = None

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path, *outputs: Path) -> Fork:
        """Run `receptionist` with these arguments in a session of its own; it appends to the files of `outputs`."""
        request = {"arguments": arguments, "environment": environment, "folder": str(folder)}
        return Fork(self, self.ask({**request, "outputs": [str(path) for path in outputs]}))

    def ask(self, request: Mapping[str, object]) -> Any:
        """The answer to a request."""
        with self._lock:
            if self._file is None:
                self._begin()
            self._file.write(json.dumps(request) + "\n")
            self._file.flush()
            answer = self._file.readline()
            assert answer, "the process that forks has ended; what it said is on standard error"
            return json.loads(answer)

    def _begin(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.harness.forked", str(theirs.fileno())],
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
                cwd=ROOT,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the tests; they end it
            )
        with ours:
            self._file = ours.makefile("rw")
        atexit.register(process.wait)
        atexit.register(self._file.close)


parent = _Parent()


def _serve(requests: TextIO) -> dict[str, Any] | None:
    """Answer requests until there are no more: None, or in a fork what it is to become."""
    for line in requests:
        request = json.loads(line)
        if "ended" in request:
            pid, status = os.waitpid(request["ended"], os.WNOHANG)
            _answer(requests, os.waitstatus_to_exitcode(status) if pid else None)
        elif os.fork() == 0:
            os.setsid()
            _answer(requests, os.getpid())  # not before: from now on its whole group can be killed
            return dict(request)
    return None


def _answer(requests: TextIO, answer: int | None) -> None:
    requests.write(json.dumps(answer) + "\n")
    requests.flush()


def _become(request: Mapping[str, Any]) -> None:
    """What `python -m receptionist` has at its start."""
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    outputs = [os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644) for path in request["outputs"]]
    for number, output in zip((1, 2), (outputs[0], outputs[-1]), strict=True):
        os.dup2(output, number)
    for output in outputs:
        os.close(output)
    sys.path[0] = request["folder"]
    sys.argv = ["receptionist", *request["arguments"]]


def main(number: int) -> None:
    """Import, then fork on request; in a fork, run `receptionist`."""
    for name in PRELOADED:
        importlib.import_module(name)
    gc.freeze()
    with socket.socket(fileno=number) as connection, connection.makefile("rw") as requests:
        request = _serve(requests)
    if request is not None:
        from receptionist.cli import main as receptionist

        _become(request)
        receptionist(prog_name="receptionist")


if __name__ == "__main__":
    main(int(sys.argv[1]))
