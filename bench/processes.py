"""Processes under test: started with a log, measured from /proc with all their children, ended with a deadline."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
KEPT = ("PATH", "HOME", "LANG", "TZ", "TMPDIR")
_TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """A command in a session of its own; `name` says what it is in the report."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str] = {}) -> None:
        self.name = name
        self._log = folder / f"{name}-log.txt"
        kept = {key: os.environ[key] for key in KEPT if key in os.environ}
        own = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                env={**kept, **own, **environment},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_for_port(self, port: int, path: str = "", timeout: float = 30.0) -> None:
        """Return when it listens, and answers `GET path` with less than 500. Raises `RuntimeError` with its log."""
        until = time.monotonic() + timeout
        while not _answers(port, path):
            self.must_live()
            if time.monotonic() > until:
                raise RuntimeError(f"{self.name} did not start in {timeout:.0f} s:\n{self.log()}")
            time.sleep(0.05)

    def must_live(self) -> None:
        """Raises `RuntimeError` with its log if it has ended."""
        if self._process.poll() is not None:
            raise RuntimeError(f"{self.name} ended with {self._process.returncode}:\n{self.log()}")

    def log(self) -> str:
        """The last of what it wrote."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-3000:]

    def cpu(self) -> float:
        """Seconds of CPU that it and its children have used, ended children too."""
        return family_cpu(self.pids())

    def memory(self) -> int:
        """Bytes of RAM of it and its children; what they share is counted once (proportional set size)."""
        return sum(_memory(pid) for pid in self.pids())

    def pids(self) -> list[int]:
        """It and all its descendants that live."""
        return family(self._process.pid)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it: by a signal, then by SIGKILL to its session after 25 s."""
        if self._process.poll() is None:
            self._process.send_signal(number)
            try:
                self._process.wait(25)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End it at once, with its children."""
        for pid in reversed(self.pids()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._process.wait(10)


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.connect()
        if not path:
            return True
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()


def family(pid: int) -> list[int]:
    """A process and all its descendants that live."""
    children = _children()
    found: list[int] = []
    new = [pid]
    while new:
        found += new
        new = [child for parent in new for child in children[parent]]
    return found


def family_cpu(pids: Sequence[int]) -> float:
    """Seconds of CPU that these processes and their ended children have used."""
    return sum(_cpu(pid) for pid in pids)


def _children() -> defaultdict[int, list[int]]:
    found: defaultdict[int, list[int]] = defaultdict(list)
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        fields = _stat(pid)
        if fields:
            found[int(fields[1])].append(pid)
    return found


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the state on; empty if it has ended (proc(5))."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _cpu(pid: int) -> float:
    fields = _stat(pid)
    return sum(map(int, fields[11:15])) / _TICKS if fields else 0.0


def _memory(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
