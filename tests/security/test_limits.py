"""S22: rate limits count rightly, tell the right wait, and do not grow for ever."""

from __future__ import annotations

import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest

from receptionist.errors import TooMany
from receptionist.security.limits import Limits
from receptionist.security.network import network_of


class Clock:
    """A clock that goes only when told."""

    def __init__(self) -> None:
        self.now = 1000.25

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(clock: Clock) -> Limits:
    return Limits(clock)


def hits(limits: Limits, count: int, name: str = "login", key: str = "ann", per_minute: int = 3) -> int:
    """How many of `count` uses were let in."""
    passed = 0
    for _ in range(count):
        try:
            limits.hit(name, key, per_minute)
            passed += 1
        except TooMany:
            pass
    return passed


def test_so_many_a_minute_and_no_more(limits: Limits) -> None:
    assert hits(limits, 10) == 3


def test_names_and_keys_are_counted_apart(limits: Limits) -> None:
    assert [hits(limits, 5, name, key) for name, key in [("a", "bc"), ("ab", "c"), ("a", "b/c"), ("a/b", "c")]] == [
        3
    ] * 4


def test_the_window_moves_with_every_use(limits: Limits, clock: Clock) -> None:
    """A fixed window would let in twice as many around the full minute."""
    clock.now = 1019.0
    assert hits(limits, 3) == 3
    clock.now = 1021.0
    assert hits(limits, 3) == 0
    clock.now = 1019.0 + 60
    assert hits(limits, 5) == 3


def test_retry_after_is_when_the_oldest_use_is_forgotten(limits: Limits, clock: Clock) -> None:
    for second in (0.0, 10.0, 20.0):
        clock.now = 1000.25 + second
        limits.hit("login", "ann", 3)
    clock.now = 1000.25 + 30.125
    with pytest.raises(TooMany) as refusal:
        limits.hit("login", "ann", 3)
    assert refusal.value.retry_after == pytest.approx(29.875, abs=0.002)
    assert "30 seconds" in str(refusal.value)
    clock.now += (refusal.value.retry_after or 0) - 0.01
    assert hits(limits, 1) == 0
    clock.now += 0.01
    assert hits(limits, 2) == 1
    assert refusal.value.status == 429


@pytest.mark.parametrize("start", [0.1, 1000.3, 123456.7, 1e9 + 0.7])
def test_waiting_exactly_retry_after_is_always_enough(limits: Limits, clock: Clock, start: float) -> None:
    clock.now = start
    limits.hit("login", "ann", 1)
    clock.now += 0.1
    with pytest.raises(TooMany) as refusal:
        limits.hit("login", "ann", 1)
    clock.now += refusal.value.retry_after or 0
    assert hits(limits, 1, per_minute=1) == 1


def test_a_refused_use_does_not_prolong_the_wait(limits: Limits, clock: Clock) -> None:
    assert hits(limits, 3) == 3
    for _ in range(59):
        clock.now += 1
        assert hits(limits, 3) == 0
    clock.now += 1
    assert hits(limits, 1) == 1


def test_a_limit_of_zero_lets_nobody_in(limits: Limits) -> None:
    with pytest.raises(TooMany) as refusal:
        limits.hit("login", "ann", 0)
    assert refusal.value.retry_after == pytest.approx(60, abs=0.002)


def test_50_000_keys_are_forgotten_after_a_minute(limits: Limits, clock: Clock) -> None:
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(50_000):
            limits.hit("chat", f"visitor {number} " + "x" * 500, 5)
        assert len(limits.storage) == 50_000
        assert tracemalloc.get_traced_memory()[0] - before < 60_000_000
        clock.now += 60
        limits.hit("chat", "one more", 5)
        assert len(limits.storage) == 1
        assert tracemalloc.get_traced_memory()[0] - before < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_busy_key_survives_the_forgetting(limits: Limits, clock: Clock) -> None:
    limits.hit("chat", "busy", 2)
    for number in range(100):
        limits.hit("chat", str(number), 2)
    clock.now += 30
    limits.hit("chat", "busy", 2)
    clock.now += 29.9
    with pytest.raises(TooMany):
        limits.hit("chat", "busy", 2)
    clock.now += 0.1
    assert hits(limits, 2, "chat", "busy", 2) == 1
    assert len(limits.storage) == 1


def test_a_use_costs_the_same_among_many_keys(limits: Limits) -> None:
    def cost(count: int) -> float:
        start = time.process_time()
        for number in range(count):
            limits.hit("chat", str(number % 7), 10_000)
        return time.process_time() - start

    cost(500)
    few = min(cost(500) for _ in range(3))
    for number in range(20_000):
        limits.hit("other", str(number), 5)
    assert min(cost(500) for _ in range(3)) < few * 5


def test_threads_do_not_get_in_together() -> None:
    reading = threading.Lock()
    overlaps = []

    def clock() -> float:
        """Read while the count is taken: if two threads are in here at once, both saw the same count."""
        if not reading.acquire(blocking=False):
            overlaps.append(threading.current_thread().name)
            return time.monotonic()
        try:
            time.sleep(0.0005)
            return time.monotonic()
        finally:
            reading.release()

    limits = Limits(clock)
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: hits(limits, 20, per_minute=160), range(8))) == 160
    assert overlaps == []
    with pytest.raises(TooMany):
        limits.hit("login", "ann", 160)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        (" 192.0.2.7 ", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:DB8:0001:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", "unknown"),
        ("made up 1", "unknown"),
        ("192.0.2.7, 10.0.0.1", "unknown"),
        ("192.0.2.07", "unknown"),
    ],
)
def test_network_of(address: str, network: str) -> None:
    assert network_of(address) == network


def test_one_ipv6_customer_is_one_key(limits: Limits) -> None:
    addresses = [f"2001:db8:1:2::{number:x}" for number in range(20)]
    assert sum(hits(limits, 1, key=network_of(address)) for address in addresses) == 3
