"""An installation as a Procfile host runs it: web and worker processes on one database, with a Redis between them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness.installation import Installation


class Part(Installation):
    """One process of the Procfile, in a group of its own: "web" or "worker"."""

    def __init__(self, kind: str, path: Path, **settings: object) -> None:
        super().__init__(path, **settings)
        self.command = kind
        self._log = path / f"log-{kind}-{self.port}.txt"

    def works(self) -> bool:
        """Whether it serves, or answers."""
        return self.healthy() if self.command == "web" else "Receptionist answers" in self.log()


def events(part: Part) -> list[str]:
    """What it logged."""
    return [json.loads(line)["event"] for line in part.log().splitlines() if line.startswith("{")]


class Procfile:
    """One instance folder and the processes on it, all with the same settings."""

    cold = False
    """What its processes are told: see `Installation.cold`."""

    def __init__(self, path: Path, redis_url: str, **settings: object) -> None:
        self.path = path
        self.settings: dict[str, object] = {"REDIS_URL": redis_url, "HOST": "127.0.0.1"} | settings
        self.parts: list[Part] = []

    def start(self, kind: str, **settings: object) -> Part:
        """One more process of this kind, when it works."""
        part = Part(kind, self.path, **{**self.settings, **settings})
        part.cold = self.cold
        self.parts.append(part)
        part.start()
        return part

    def close(self) -> None:
        """Kill all, and show what they wrote: pytest prints it if the test failed."""
        for part in self.parts:
            part.kill()
            print(f"--- log of {part.command} {part.port}\n{part.log()[-6000:]}")


@contextmanager
def stopped(part: Part, number: int, timeout: float = 25.0) -> Iterator[None]:
    """Send the signal to the first process, do something, then wait for its end."""
    assert part._process is not None
    os.kill(part._process.pid, number)
    yield
    assert part.wait(timeout) == 0, part.log()
