"""Holds a process at named points until the test lets it go on, or kills it there."""

from __future__ import annotations

import threading
from collections import Counter

from tests.servers.local_server import Exchange, LocalServer


class Points(LocalServer):
    """The server that the drop-in `fault_points` reports to."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self._armed: str | None = None
        self._changed = threading.Condition()
        self._round = 0
        self.reached: Counter[str] = Counter()

    def arm(self, point: str) -> None:
        """From now on hold every thread that reaches `point`."""
        with self._changed:
            self._armed = point
            self._round += 1
            self.reached.clear()

    def wait(self, count: int = 1, timeout: float = 15.0) -> None:
        """Return when `count` threads are held at the armed point. Raises `TimeoutError`."""
        with self._changed:
            point = self._armed
            assert point is not None, "arm a point first"
            if not self._changed.wait_for(lambda: self.reached[point] >= count, timeout):
                raise TimeoutError(f"only {self.reached[point]} of {count} threads came to {point}")

    def disarm(self) -> None:
        """Let all go on, now and later."""
        with self._changed:
            self._armed = None
            self._round += 1
            self._changed.notify_all()

    def wait_until_disarmed(self, timeout: float = 20.0) -> None:
        """Return when no point is armed, or after `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._armed is None, timeout)

    def handle(self, exchange: Exchange) -> None:
        """Hold a thread while its point is armed."""
        point = exchange.json()
        with self._changed:
            self.reached[point] += 1
            self._changed.notify_all()
            if point == self._armed:
                held_in = self._round
                self._changed.wait_for(lambda: self._round != held_in)
        exchange.answer(200, None)

    def __exit__(self, *args: object) -> None:
        self.disarm()
        super().__exit__(*args)
