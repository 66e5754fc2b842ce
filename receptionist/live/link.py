"""The way to Redis, which only makes things quick: nothing is recorded there, and losing it is delay, not loss."""

from __future__ import annotations

import hashlib
import random
import threading
import time
import uuid
import weakref

import redis
import structlog
from redis.backoff import NoBackoff
from redis.connection import parse_url
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
    installations may share a Redis and none can guess another's channel. Raises `ValueError` for an `url` that cannot
    be used.
    """

    def __init__(self, url: str, key: bytes) -> None:
        self._address = parse_url(url)  # type: ignore[no-untyped-call]
        self.name = f"receptionist:{hashlib.blake2b(b'redis', key=key[:64], digest_size=8).hexdigest()}"
        self._fine = True
        self._knew: bool | None = None
        self._moved = False
        self._pools: weakref.WeakSet[redis.ConnectionPool] = weakref.WeakSet()
        self._pools_lock = threading.Lock()
        self._beat = time.monotonic()
        self._forgot = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="redis-pulse", daemon=True)

    def client(self, seconds: float, connections: int = 8) -> redis.Redis:
        """A client that waits `seconds` at most for a connection or an answer and never tries twice by itself.

        What the address says of such things does not count. To begin, a connection asks nothing but what it must
        (password, database): each question would be one more wait for a slow Redis.
        """
        options = {
            **self._address,
            "max_connections": connections,
            "timeout": seconds,
            "socket_timeout": seconds,
            "socket_connect_timeout": seconds,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,  # 3 asks for notices, too, on which the library would wait longer than it was told
            "driver_info": None,
        }
        pool = redis.BlockingConnectionPool(**options)  # type: ignore[no-untyped-call]
        with self._pools_lock:
            self._pools.add(pool)
        return redis.Redis.from_pool(pool)

    @property
    def reachable(self) -> bool:
        """Whether Redis took a write a moment ago; a full one does not."""
        return self._fine and time.monotonic() - self._beat < STALE_SECONDS

    def trouble(self) -> str | None:
        """Asks Redis right now: what is wrong with it, or None. To be asked is not enough: a full one answers, too."""
        client = self.client(PULSE_SECONDS, 1)
        try:
            client.set(f"{self.name}:doctor", "1", px=1000)
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
        if isinstance(error, redis.ReadOnlyError):  # the name may mean another server by now
            self._moved = True
            self._connect_anew()

    def _back(self, *, knew_us: bool) -> None:
        self._beat = time.monotonic()
        if not self._fine or not knew_us:
            self._forgot.set()
        if not self._fine:
            log.warning("redis_back")
        elif not knew_us and self._knew:
            log.warning("redis_forgot", cost="answers begin up to 1 s later")
        self._knew = knew_us or self._knew is None  # nothing was there to be known by the first time
        self._fine = True
        if self._moved:  # others may have asked for the name a moment too early
            self._moved = False
            self._connect_anew()

    def _connect_anew(self) -> None:
        """Drop the connections that nobody uses just now: the next use looks the name up."""
        with self._pools_lock:
            pools = list(self._pools)
        for pool in pools:
            pool.disconnect(inuse_connections=False)
