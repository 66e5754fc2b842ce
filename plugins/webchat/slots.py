"""How many sockets may be open: each holds a thread of the web process."""

from __future__ import annotations

from collections import Counter
from threading import Lock

from receptionist import Unavailable


class SocketSlots:
    """Places for open sockets; one network gets a quarter of them at most. Safe to use from any thread."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._most_each = max(1, most // 4)
        self._open: Counter[str] = Counter()
        self._lock = Lock()

    def take(self, address: str) -> None:
        """Take a place. Raises `Unavailable` if there is none; the client then polls."""
        with self._lock:
            if self._open.total() >= self._most or self._open[address] >= self._most_each:
                raise Unavailable("All live connections are taken; ask for messages instead.")
            self._open[address] += 1

    def give_back(self, address: str) -> None:
        """Return a place that was taken."""
        with self._lock:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]
