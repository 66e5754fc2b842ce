"""Where the rate limits' counts are kept: a storage for the `limits` library."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from limits.storage import MovingWindowSupport, Storage


@dataclass(slots=True)
class _Window:
    seconds: float
    uses: deque[float] = field(default_factory=deque)


class WindowStorage(Storage, MovingWindowSupport):
    """Moving windows in memory, forgotten once they are empty.

    The library's own MemoryStorage keeps every key for ever and starts a thread at each use that walks
    through all of them (50,000 keys: 2 seconds of CPU, nothing freed). Here a use costs the same whatever
    the number of keys, because windows are kept in the order of their last use.
    """

    STORAGE_SCHEME = None

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: OrderedDict[str, _Window] = OrderedDict()
        super().__init__()

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._windows)

    @property
    def base_exceptions(self) -> type[Exception]:
        """What the library would wrap in its own error; memory raises nothing."""
        return MemoryError

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount` uses of `key`, unless that makes more than `limit` within `expiry` seconds."""
        with self._lock:
            now = self._clock()
            self._forget(now)
            if len(self._live(key, now)) + amount > limit:
                return False
            self._add(key, now, expiry, amount)
            return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """When the oldest counted use was (now, if there is none), and how many there are."""
        with self._lock:
            now = self._clock()
            uses = self._live(key, now)
            return (uses[0] if uses else now), len(uses)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count `amount` uses whatever the limit; returns how many there are."""
        with self._lock:
            now = self._clock()
            self._forget(now)
            self._add(key, now, expiry, amount)
            return len(self._live(key, now))

    def get(self, key: str) -> int:
        """How many uses of `key` are counted."""
        with self._lock:
            return len(self._live(key, self._clock()))

    def get_expiry(self, key: str) -> float:
        """The reading of the clock at which `key` is forgotten."""
        with self._lock:
            window = self._windows.get(key)
            return window.uses[-1] + window.seconds if window and window.uses else self._clock()

    def check(self) -> bool:
        """Whether the storage works."""
        return True

    def reset(self) -> int:
        """Forget everything; returns how many keys that were."""
        with self._lock:
            count = len(self._windows)
            self._windows.clear()
            return count

    def clear(self, key: str) -> None:
        """Forget `key`."""
        with self._lock:
            self._windows.pop(key, None)

    def _add(self, key: str, now: float, seconds: float, amount: int) -> None:
        window = self._windows.setdefault(key, _Window(seconds))
        window.uses.extend([now] * amount)
        self._windows.move_to_end(key)

    def _live(self, key: str, now: float) -> deque[float]:
        window = self._windows.get(key)
        if window is None:
            return deque()
        while window.uses and window.uses[0] <= now - window.seconds:
            window.uses.popleft()
        return window.uses

    def _forget(self, now: float) -> None:
        """Drop windows from the longest unused on, up to the first that still counts."""
        while self._windows:
            window = next(iter(self._windows.values()))
            if window.uses and window.uses[-1] > now - window.seconds:
                return
            self._windows.popitem(last=False)
