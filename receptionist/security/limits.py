"""Rate limits: how often somebody may do something in any 60 seconds."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog
from limits import RateLimitItemPerMinute
from limits.strategies import MovingWindowRateLimiter

from receptionist.errors import TooMany
from receptionist.security.window import WindowStorage

if TYPE_CHECKING:
    from receptionist.live.link import RedisLink

PAUSE_SECONDS = 1.0
"""After a failure of Redis, or a slow answer, uses are counted here for so long: a request waits for it once, not each
time."""

PATIENCE_SECONDS = 0.15
"""For one answer of Redis, of which a first use takes up to five. A use that took longer is no help: several of them
would hold a request up."""

WINDOW_SECONDS = 60.0

log = structlog.get_logger()


class Limits:
    """Counts uses; safe to share between threads. `clock` gives seconds that never go back.

    With Redis, all processes count together; while it is away, and without it, each one for itself.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, redis: RedisLink | None = None) -> None:
        self._clock = clock
        self.storage = WindowStorage(clock)
        self._limiter = MovingWindowRateLimiter(self.storage)
        self._redis = redis
        self._shared = _shared_limiter(redis) if redis else None
        self._shared_from = 0.0

    def hit(self, name: str, key: str, per_minute: int) -> None:
        """Count one use of `name` by `key`. Raises `TooMany` beyond `per_minute` uses in any 60 seconds.

        A refused use is not counted: whoever waits `retry_after` seconds is let in.
        """
        item = RateLimitItemPerMinute(per_minute)
        who = _digest(name, key)
        if self._shared is not None and self._redis_works():
            begun = time.monotonic()
            try:
                return _hit(self._shared, item, who, time.time)
            except TooMany:
                raise
            except Exception as error:  # whatever Redis and its client do: a limit must not fail a request
                self._shared_from = time.monotonic() + PAUSE_SECONDS
                log.info("limits_counted_here", error=f"{type(error).__name__}: {error}")
            finally:
                if (now := time.monotonic()) > begun + PATIENCE_SECONDS:
                    self._shared_from = now + PAUSE_SECONDS
        return _hit(self._limiter, item, who, self._clock)

    def _redis_works(self) -> bool:
        return self._redis is not None and self._redis.reachable and time.monotonic() >= self._shared_from


def _shared_limiter(redis: RedisLink) -> MovingWindowRateLimiter:
    from limits.storage import RedisStorage

    pool = redis.client(PATIENCE_SECONDS).connection_pool
    return MovingWindowRateLimiter(RedisStorage("redis://", connection_pool=pool, key_prefix=f"{redis.name}:limit"))


def _hit(limiter: MovingWindowRateLimiter, item: RateLimitItemPerMinute, who: str, clock: Callable[[], float]) -> None:
    for _ in range(3):  # the oldest use may lapse between the two looks, and clocks of processes differ
        if limiter.hit(item, who):
            return
        stats = limiter.get_window_stats(item, who)
        if stats.remaining < 1:
            # the use that has to lapse may have been counted by a process whose clock is hours ahead
            wait = _up_to_the_millisecond(min(stats.reset_time - clock(), WINDOW_SECONDS))
            raise TooMany(f"Too many requests; try again in {math.ceil(wait)} seconds.", retry_after=wait)
    raise TooMany("Too many requests; try again in 1 second.", retry_after=1.0)


def _up_to_the_millisecond(seconds: float) -> float:
    """Never a hair too early: whoever waits exactly that long must be let in, whatever floats round to."""
    return (math.floor(max(seconds, 0.0) * 1000) + 1) / 1000


def _digest(name: str, key: str) -> str:
    """A short name of fixed size: keys may be as long as a hostile sender likes."""
    text = f"{name}\0{key}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16).hexdigest()
