"""Rate limits: how often somebody may do something in any 60 seconds."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable

from limits import RateLimitItemPerMinute
from limits.strategies import MovingWindowRateLimiter

from receptionist.errors import TooMany
from receptionist.security.window import WindowStorage


class Limits:
    """Counts uses in this process's memory; safe to share between threads. `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.storage = WindowStorage(clock)
        self._limiter = MovingWindowRateLimiter(self.storage)

    def hit(self, name: str, key: str, per_minute: int) -> None:
        """Count one use of `name` by `key`. Raises `TooMany` beyond `per_minute` uses in any 60 seconds.

        A refused use is not counted: whoever waits `retry_after` seconds is let in.
        """
        item = RateLimitItemPerMinute(per_minute)
        who = _digest(name, key)
        while not self._limiter.hit(item, who):
            stats = self._limiter.get_window_stats(item, who)
            if stats.remaining < 1:
                wait = _up_to_the_millisecond(stats.reset_time - self._clock())
                raise TooMany(f"Too many requests; try again in {math.ceil(wait)} seconds.", retry_after=wait)


def _up_to_the_millisecond(seconds: float) -> float:
    """Never a hair too early: whoever waits exactly that long must be let in, whatever floats round to."""
    return (math.floor(max(seconds, 0.0) * 1000) + 1) / 1000


def _digest(name: str, key: str) -> str:
    """A short name of fixed size: keys may be as long as a hostile sender likes."""
    text = f"{name}\0{key}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16).hexdigest()
