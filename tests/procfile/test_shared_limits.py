"""Limits over Redis: processes count together; while it is away each for itself, and nobody waits."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from receptionist.errors import TooMany
from receptionist.live.link import RedisLink
from receptionist.security.limits import Limits
from tests.harness.waiting import eventually
from tests.servers.redis_server import RedisServer


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
