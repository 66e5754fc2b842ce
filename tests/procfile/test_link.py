"""The way to Redis: what it notices of a Redis that forgets, refuses to write, is slow, or changed its place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
import redis as client
from structlog.testing import capture_logs

from receptionist.live.link import RedisLink
from receptionist.pipeline.broker import QUEUE, redis_broker, ring
from receptionist.pipeline.door import Door
from receptionist.security.limits import Limits
from tests.harness.waiting import eventually
from tests.servers.redis_server import RedisServer
from tests.servers.wire_between import WireBetween

KEY = b"k" * 32


@contextmanager
def pulsing(url: str) -> Iterator[RedisLink]:
    link = RedisLink(url, KEY)
    link.start()
    try:
        yield link
    finally:
        link.stop()


def test_what_it_forgot_is_noticed_and_said(redis: RedisServer) -> None:
    """F11: rings may be gone, so whoever answers must look by himself, and an admin must hear of it."""
    with capture_logs() as logs, pulsing(redis.url) as link, client.Redis.from_url(redis.url) as direct:
        eventually(lambda: any(direct.scan_iter(f"{link.name}:pulse:*")), what="the first pulse")
        link.rings_may_be_lost()  # may have been asked before the pulse
        eventually(lambda: not link.rings_may_be_lost(), what="being known")
        direct.flushall()
        eventually(link.rings_may_be_lost, what="the loss")
        eventually(lambda: not link.rings_may_be_lost(), what="being known again")
    assert [line["event"] for line in logs] == ["redis_forgot"]


def test_a_ring_that_was_evicted_makes_nobody_deaf(redis: RedisServer) -> None:
    """F13: a Redis that makes room throws away what rings say, and leaves the list that names them."""
    heard: list[int] = []
    link = RedisLink(redis.url, KEY)
    door = Door(link)
    with client.Redis.from_url(redis.url) as direct:
        direct.rpush(f"{link.name}:{QUEUE}", "evicted-1", "evicted-2")
        door.start()
        door.listen(heard.append, lambda: None)
        try:
            eventually(lambda: not direct.llen(f"{link.name}:{QUEUE}"), what="their end")
            door.ring(7)
            eventually(lambda: heard, 10, what="the next ring")
        finally:
            door.stop_listening()
            door.stop()
    assert heard == [7]


def test_what_refuses_to_write_is_trouble(redis: RedisServer) -> None:
    link = RedisLink(redis.url, KEY)
    assert link.trouble() is None
    with client.Redis.from_url(redis.url) as direct:
        direct.config_set("maxmemory", "1")
    assert "OutOfMemory" in (link.trouble() or "")


def test_a_new_master_is_found_without_a_restart(redis: RedisServer, tmp_path: Path) -> None:
    """A planned failover: the old master becomes a replica that refuses writes, and its connections stay open."""
    with ExitStack() as stack:
        other = RedisServer(tmp_path)
        other.start()
        stack.callback(other.kill)
        wire = stack.enter_context(closing(WireBetween(redis.port)))
        link = stack.enter_context(pulsing(wire.redis_url))
        limits = Limits(redis=link)
        broker = stack.enter_context(closing(redis_broker(link)))
        ring(broker, 1)
        limits.hit("login", "ann", 1000)
        old, new = (stack.enter_context(client.Redis.from_url(each.url)) for each in (redis, other))
        stack.callback(old.replicaof, "NO", "ONE")
        old.replicaof("127.0.0.1", other.port)
        eventually(lambda: not link.reachable, what="the replica's refusal")
        wire.target = other.port
        eventually(lambda: link.reachable, what="the new master")

        def works() -> bool:
            ring(broker, 2)
            limits.hit("login", "bob", 1000)
            return any(new.scan_iter("*limit*")) and any(new.scan_iter("*conversations"))

        eventually(works, what="rings and counts at the new master")


@pytest.mark.parametrize("parameters", ["socket_timeout=60&timeout=60", "retry_on_timeout=yes&max_connections=1"])
def test_what_an_address_asks_for_makes_nobody_wait_longer(parameters: str) -> None:
    pool = RedisLink(f"redis://127.0.0.1:1/3?{parameters}", KEY).client(0.25).connection_pool
    assert isinstance(pool, client.BlockingConnectionPool)
    kept = pool.connection_kwargs
    assert (pool.timeout, pool.max_connections, kept["socket_timeout"], kept["db"]) == (0.25, 8, 0.25, 3)
