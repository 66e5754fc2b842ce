"""Holds threads at several named points at once: one kill then hits customers at every stage of their answer."""

from __future__ import annotations

import threading
from collections import Counter

from tests.servers.local_server import Exchange, LocalServer


class Gates(LocalServer):
    """What the drop-in `fault_points` reports to, for processes that are told this address.

    A thread is held at the first shut gate on its way, so shut the late ones first.
    """

    def __init__(self) -> None:
        super().__init__()
        self._changed = threading.Condition()
        self._shut: set[str] = set()
        self._held: Counter[str] = Counter()

    def shut(self, point: str) -> None:
        """From now on hold every thread that comes to `point`."""
        with self._changed:
            self._shut.add(point)
            self._held[point] = 0

    def wait(self, point: str, count: int, timeout: float = 20.0) -> None:
        """Return when `count` threads are held at `point`. Raises `TimeoutError`."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._held[point] >= count, timeout):
                raise TimeoutError(f"only {self._held[point]} of {count} threads came to {point}")

    def open(self) -> None:
        """Let all go on, now and later."""
        with self._changed:
            self._shut.clear()
            self._changed.notify_all()

    def handle(self, exchange: Exchange) -> None:
        """Hold a thread while its gate is shut."""
        point = exchange.json()
        with self._changed:
            if point in self._shut:
                self._held[point] += 1
                self._changed.notify_all()
                self._changed.wait_for(lambda: point not in self._shut)
        exchange.answer(200, None)

    def __exit__(self, *args: object) -> None:
        self.open()
        super().__exit__(*args)
