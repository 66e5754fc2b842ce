"""The way to Redis, which only makes things quick: nothing is recorded there, and losing it is delay, not loss."""

from __future__ import annotations

import hashlib
import random
import threading
import time
import uuid

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

QUICK_SECONDS = 0.25
"""An answer that takes longer than this is no help to a waiting request: Redis then counts as away."""

PULSE_SECONDS = 1.0
PULSE_KEPT_SECONDS = 60
STALE_SECONDS = 3.0
"""Without a good pulse for so long Redis counts as away, whatever the pulse hangs in: DNS has no timeout."""

log = structlog.get_logger()


class RedisLink:
    """Makes clients for one Redis, and knows whether it does its work: one thread asks every second.

    `name` begins the name of everything this installation has there; it comes from the secret key, so that
    installations may share a Redis and none can guess another's channel.
    """

    def __init__(self, url: str, key: bytes) -> None:
        self._url = url
        self.name = f"receptionist:{hashlib.blake2b(b'redis', key=key[:64], digest_size=8).hexdigest()}"
        self._fine = True
        self._beat = time.monotonic()
        self._forgot = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="redis-pulse", daemon=True)

    def client(self, seconds: float, connections: int = 8) -> redis.Redis:
        """A client that waits `seconds` at most for a connection or an answer and never tries twice by itself."""
        pool = redis.BlockingConnectionPool.from_url(
            self._url,
            max_connections=connections,
            timeout=seconds,
            socket_timeout=seconds,
            socket_connect_timeout=seconds,
            retry=Retry(NoBackoff(), 0),
        )
        return redis.Redis.from_pool(pool)

    @property
    def reachable(self) -> bool:
        """Whether Redis took a write a moment ago; a full one does not."""
        return self._fine and time.monotonic() - self._beat < STALE_SECONDS

    def trouble(self) -> str | None:
        """Asks Redis right now: what is wrong with it, or None."""
        client = self.client(PULSE_SECONDS, 1)
        try:
            client.ping()
        except Exception as error:  # whatever the client raises
            return f"{type(error).__name__}: {error}"
        finally:
            client.close()
        return None

    def rings_may_be_lost(self) -> bool:
        """Whether Redis is away, or was away or lost its memory since this was asked last."""
        if not self.reachable:
            return True
        forgot = self._forgot.is_set()
        self._forgot.clear()
        return forgot

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._stopped.set()
        self._thread.join(2 * QUICK_SECONDS)

    def _run(self) -> None:
        client = self.client(QUICK_SECONDS, 1)
        key = f"{self.name}:pulse:{uuid.uuid4().hex}"  # of this process alone: each has to notice a loss itself
        while not self._stopped.is_set():
            try:
                before = client.getset(key, "1")
                client.expire(key, PULSE_KEPT_SECONDS)
            except Exception as error:  # whatever the client raises: this thread must go on
                self._away(error)
            else:
                self._back(knew_us=before is not None)
            self._stopped.wait(PULSE_SECONDS * random.uniform(0.8, 1.0))  # noqa: S311 - spreads processes out
        client.close()

    def _away(self, error: Exception) -> None:
        if self._fine:
            log.warning("redis_away", error=f"{type(error).__name__}: {error}", cost="answers begin up to 1 s later")
        self._fine = False

    def _back(self, *, knew_us: bool) -> None:
        self._beat = time.monotonic()
        if not self._fine or not knew_us:
            self._forgot.set()
        if not self._fine:
            log.warning("redis_back")
        self._fine = True
