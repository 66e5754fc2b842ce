"""Limits over Redis: processes count together; while it is away each for itself, and nobody waits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

import pytest
import redis as client

from receptionist.errors import TooMany
from receptionist.live.link import RedisLink
from receptionist.security.limits import Limits
from tests.harness.waiting import eventually
from tests.servers.redis_server import RedisServer
from tests.servers.wire_between import WireBetween


@pytest.fixture
def link(redis: RedisServer) -> Iterator[RedisLink]:
    link = RedisLink(redis.url, b"k" * 32)
    link.start()
    yield link
    link.stop()


def hits(limits: Limits, count: int, per_minute: int = 5, key: str = "ann") -> int:
    """How many of `count` uses were let in."""
    passed = 0
    for _ in range(count):
        try:
            limits.hit("login", key, per_minute)
            passed += 1
        except TooMany as refusal:
            assert 0 < (refusal.retry_after or 0) <= 60.002
    return passed


def test_two_processes_count_together(link: RedisLink) -> None:
    here, there = Limits(redis=link), Limits(redis=link)
    assert hits(here, 3) + hits(there, 10) + hits(here, 10) == 5
    assert hits(there, 1, key="bob") == 1
    assert hits(here, 2, per_minute=0, key="zoe") == 0


@pytest.mark.parametrize("trouble", [RedisServer.kill, RedisServer.pause])
def test_away_each_counts_for_itself_at_once(link: RedisLink, redis: RedisServer, trouble: object) -> None:
    limits = Limits(redis=link)
    assert hits(limits, 10) == 5
    assert callable(trouble)
    trouble(redis)
    begun = time.monotonic()
    assert hits(limits, 1, key="first") == 1
    assert time.monotonic() - begun < 1
    begun = time.monotonic()
    assert hits(limits, 20, key="more") == 5
    assert time.monotonic() - begun < 0.1
    eventually(lambda: not link.reachable, what="the outage")
    redis.resume()
    redis.start()
    eventually(lambda: link.reachable, what="the return")
    other = Limits(redis=link)
    eventually(lambda: hits(limits, 1, 10_000, "shared") and hits(other, 1, 10_000, "shared"), what="counting together")
    assert len(other.storage) == 0


@pytest.mark.parametrize("delay", [0.1, 0.2, 0.24, 2.0])
def test_a_slow_redis_holds_a_request_up_for_less_than_a_second(redis: RedisServer, delay: float) -> None:
    """F12: three limits are asked for each message of the web chat; answers just quick enough add up."""
    with closing(WireBetween(redis.port, delay)) as wire:
        limits = Limits(redis=RedisLink(wire.redis_url, b"k" * 32))
        for _ in range(3):
            begun = time.monotonic()
            assert hits(limits, 3) == 3
            assert time.monotonic() - begun < 0.8
            limits.storage.reset()
            with client.Redis.from_url(redis.url) as direct:
                direct.delete(*direct.scan_iter("*:limit*"), "none")


def test_clocks_of_processes_that_are_hours_apart(
    link: RedisLink, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F36: who is refused by one whose clock is behind is not sent away for hours."""
    limits = Limits(redis=link)
    now = time.time
    with monkeypatch.context() as ahead:
        ahead.setattr(time, "time", lambda: now() + 7200)
        assert hits(limits, 10) == 5
    with pytest.raises(TooMany) as refused:
        limits.hit("login", "ann", 5)
    assert 0 < (refused.value.retry_after or 0) <= 60.002
