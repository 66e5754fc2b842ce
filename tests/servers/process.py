"""A server of somebody else as a process: killed, frozen and started again by tests, and gone when they are."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

WATCHER = (
    '"$@" >>"$SERVER_LOG" 2>&1 & echo $!; cat >/dev/null; '
    "for signal in QUIT TERM CONT; do kill -$signal $! 2>/dev/null; done; wait"
)
"""Starts the server, says its id, and ends it when our end of the pipe is closed, be it by our death: PostgreSQL at
once by SIGQUIT, which Redis ignores."""
PATIENCE = 20.0


class ServerProcess:
    """One server, at the same address whenever it runs."""

    polite = signal.SIGTERM
    """Ends it in good order without waiting for clients to go."""

    def __init__(self, command: list[str], folder: Path, ready: Callable[[], bool], user: str | None = None) -> None:
        self._command, self._user, self._ready = command, user, ready
        self._folder, self._log = folder, folder / "log.txt"
        self._watcher: subprocess.Popen[bytes] | None = None
        self._pid = 0

    def start(self) -> None:
        """Start it, unless it runs, and return when it answers. Raises `RuntimeError` with its log if it does not."""
        if self._watcher is not None:
            return
        self._watcher = subprocess.Popen(
            ["sh", "-c", WATCHER, "sh", *self._command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=self._folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", "SERVER_LOG": str(self._log)},
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
            start_new_session=True,  # Ctrl-C is for the tests; they end it
        )
        assert self._watcher.stdout is not None
        self._pid = int(self._watcher.stdout.readline())
        until = time.monotonic() + PATIENCE
        while not self._ready():
            if time.monotonic() > until or not self._lives():
                self.kill()
                raise RuntimeError(f"{self._command[0]} did not start:\n{self._log.read_text()[-4000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL to it and its children; nothing is said to clients."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in good order."""
        self._end(self.polite)

    def pause(self) -> None:
        """Freeze it with all its children: connections stay open, and nothing is answered."""
        self._signal(signal.SIGSTOP, list(self._family()))

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT, list(self._family()))

    def _signal(self, number: int, pids: list[int]) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # a child that ended meanwhile
                os.kill(pid, number)

    def _end(self, number: int) -> None:
        if self._watcher is None:
            return
        pids = list(self._family()) if number == signal.SIGKILL else [self._pid]
        self._signal(number, pids)
        until = time.monotonic() + PATIENCE
        while _exist(pids) and time.monotonic() < until:
            time.sleep(0.01)
        assert self._watcher.stdin is not None and self._watcher.stdout is not None
        self._watcher.stdin.close()
        self._watcher.stdout.close()
        self._watcher.wait(PATIENCE)
        self._watcher = None

    def _lives(self) -> bool:
        return _exist([self._pid])

    def _family(self) -> Iterator[int]:
        """The server first, then its children."""
        if self._watcher is None:
            return
        yield self._pid
        table = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        for pid, parent in (map(int, line.split()) for line in table.splitlines()):
            if parent == self._pid:
                yield pid


def _exist(pids: list[int]) -> bool:
    """Whether any of them runs; one that ended and waits for its parent to look does not."""
    command = ["ps", "-o", "stat=", "-p", ",".join(map(str, pids))]
    states = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    return any(not state.startswith("Z") for state in states)
