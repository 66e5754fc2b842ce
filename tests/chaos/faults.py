"""What goes wrong: a random choice of F1 to F13, F24, F29 and F30 of the fault table, each with how it is done here."""

from __future__ import annotations

import contextlib
import random
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import redis as client

from tests.chaos.stage import SETTINGS, Kept, Stage

POINTS = {
    "before_commit": "F1",
    "after_commit": "F2",
    "after_ring": "F3",
    "after_lease": "F4",
    "mid_stream": "F4",
    "before_record": "F4",
    "after_record": "F5",
    "after_sending": "F6",
    "after_accept": "F7",
    "before_effect": "F8",
    "after_effect": "F8",
}
REACHED_WITHIN = 6.0
"""Seconds in which somebody must come to a point; else nobody dies there, and something else is done."""

BEYOND_THE_LEASE = float(str(SETTINGS["LEASE_SECONDS"])) + 1.5


@dataclass
class Fault:
    """One that was done: when it began and ended, in seconds since the start."""

    number: str
    what: str
    begun: float
    ended: float = 0.0


@dataclass
class Menu:
    """Does faults, and remembers them."""

    stage: Stage
    random: random.Random
    started: float = field(default_factory=time.monotonic)
    done: list[Fault] = field(default_factory=list)
    missed: int = 0
    """Deaths at a point that nobody came to in time."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _services: threading.Lock = field(default_factory=threading.Lock)
    """Held while Redis or the database is in trouble: one kind of trouble each at a time."""

    def one(self) -> None:
        """Do one fault, chosen at random; returns when it is over."""
        while True:
            number, what, act = self.random.choice(self._choices())
            fault = Fault(number, what, time.monotonic() - self.started)
            if act():
                fault.ended = time.monotonic() - self.started
                with self._lock:
                    self.done.append(fault)
                return
            with self._lock:
                self.missed += 1

    def _choices(self) -> Sequence[tuple[str, str, Callable[[], bool]]]:
        deaths = [(number, f"dies at {point}", self._dies(point)) for point, number in POINTS.items()]
        processes: list[tuple[str, str, Callable[[], bool]]] = []
        for kept in self.stage.kept:
            processes += [
                ("F2-F7", f"{kept.name} is killed", self._to(kept, self._killed)),
                ("F29", f"{kept.name} is told to stop", self._to(kept, self._told)),
                ("F29", f"{kept.name} is told to stop, then killed", self._to(kept, self._told_then_killed)),
                ("F30", f"{kept.name} is frozen beyond its leases", self._to(kept, self._frozen)),
            ]
        services = self._procfile() if self.stage.way == "procfile" else [("F23", "database locked", self._locked)]
        return [*deaths, *self.random.sample(processes, 4), *services]

    def _procfile(self) -> list[tuple[str, str, Callable[[], bool]]]:
        return [
            ("F9", "Redis is killed for 3 s", self._redis(lambda redis: redis.kill(), 3)),
            ("F10", "Redis is killed and started", self._redis(lambda redis: redis.kill(), 0)),
            ("F11", "Redis forgets everything", self._flushed),
            ("F12", "Redis hangs for 3 s", self._redis(lambda redis: redis.pause(), 3)),
            ("F13", "Redis is full for 3 s", self._full),
            ("F24", "PostgreSQL is killed and started", self._postgres(lambda postgres: postgres.kill())),
            ("F24", "PostgreSQL is stopped and started", self._postgres(lambda postgres: postgres.stop())),
        ]

    # processes

    def _dies(self, point: str) -> Callable[[], bool]:
        def act() -> bool:
            file = self.stage.strikes / point
            if file.exists():
                return False  # somebody is to die there already
            file.touch()
            until = time.monotonic() + REACHED_WITHIN
            while file.exists() and time.monotonic() < until:
                time.sleep(0.02)
            with contextlib.suppress(FileNotFoundError):
                file.unlink()
                return False
            return True

        return act

    def _to(self, kept: Kept, do: Callable[[Kept], None]) -> Callable[[], bool]:
        def act() -> bool:
            if not kept.part.running or not kept.mine.acquire(blocking=False):
                return False
            try:
                do(kept)
            finally:
                kept.mine.release()
            return True

        return act

    def _killed(self, kept: Kept) -> None:
        kept.part.signal(signal.SIGKILL)

    def _told(self, kept: Kept) -> None:
        """The end is waited for, so that nothing else happens to it meanwhile."""
        starts = kept.starts
        kept.part.terminate()
        until = time.monotonic() + 21
        while kept.starts == starts and kept.part.running and time.monotonic() < until:
            time.sleep(0.05)

    def _told_then_killed(self, kept: Kept) -> None:
        kept.part.terminate()
        time.sleep(0.3)
        kept.part.signal(signal.SIGKILL)

    def _frozen(self, kept: Kept) -> None:
        kept.part.signal(signal.SIGSTOP)
        time.sleep(BEYOND_THE_LEASE)
        kept.part.signal(signal.SIGCONT)

    # Redis and databases

    def _redis(self, begin: Callable[..., None], seconds: float) -> Callable[[], bool]:
        def act() -> bool:
            redis = self.stage.redis
            assert redis is not None
            with self._services:
                begin(redis)
                time.sleep(seconds)
                redis.resume()
                redis.start()
            return True

        return act

    def _flushed(self) -> bool:
        assert self.stage.redis is not None
        with self._services, client.Redis.from_url(self.stage.redis.url) as redis:
            redis.flushall()
        return True

    def _full(self) -> bool:
        assert self.stage.redis is not None
        with self._services, client.Redis.from_url(self.stage.redis.url) as redis:
            redis.config_set("maxmemory", "1")
            time.sleep(3)
            redis.config_set("maxmemory", "0")
        return True

    def _postgres(self, end: Callable[..., None]) -> Callable[[], bool]:
        def act() -> bool:
            assert self.stage.postgres is not None
            with self._services:
                end(self.stage.postgres)
                self.stage.postgres.start()
            return True

        return act

    def _locked(self) -> bool:
        with (
            self._services,
            contextlib.closing(
                sqlite3.connect(self.stage.path / "receptionist.db", timeout=5, isolation_level=None)
            ) as connection,
        ):
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
            time.sleep(3)
            connection.execute("ROLLBACK")
        return True
