"""Who may go on next: one thread at a time, or so many in the order in which they came."""

from __future__ import annotations

import threading
from collections import deque

from receptionist.errors import Unavailable

BUSY = "The database is busy; please try again."
"""What is mostly waited for; who waits for something else does not let it out."""


class OneAtATime:
    """A lock on which nobody waits longer than `seconds`; then `Unavailable` is raised."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=self._seconds):
            raise Unavailable(BUSY)

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class InOrder:
    """`places` threads may go on at once, the others in the order in which they came; after `seconds` of waiting
    `Unavailable` is raised.

    Where the threads of a flood overtake each other, as they do at a pool's own door, some wait until they are refused.
    """

    def __init__(self, places: int, seconds: float) -> None:
        self._free, self._seconds = places, seconds
        self._waiting: deque[threading.Lock] = deque()
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            called = threading.Lock()
            called.acquire()
            self._waiting.append(called)
        if not called.acquire(timeout=self._seconds):
            self._give_up(called)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1

    def _give_up(self, called: threading.Lock) -> None:
        with self._lock:
            if called not in self._waiting:  # called at the last moment
                return
            self._waiting.remove(called)
        raise Unavailable(BUSY)
