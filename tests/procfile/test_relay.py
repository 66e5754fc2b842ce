"""The relay alone: two buses in this process, a real Redis between them, and what a hostile channel may say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
import redis as client

from receptionist.contracts.live import LiveEvent
from receptionist.live.bus import MemoryBus, Subscription
from receptionist.live.link import RedisLink
from receptionist.live.relay import Numbers, Relay
from tests.servers.redis_server import RedisServer
from tests.servers.wire_between import WireBetween

ADA = (1, "ada")
KEY = b"k" * 32
GARBAGE = [
    b"",
    b"\xff",
    b"[]",
    b"null",
    b"[" * 50_000,
    b'{"from": 1, "number": 1, "events": []}',
    b'{"from": "x", "number": "1", "events": []}',
    b'{"from": "x", "number": 1, "events": {}}',
    b'{"from": "x", "number": 2, "events": [null, [], [1], ["1", "ada", "typing", {}], [1, "ada", "sync", {}]]}',
    b'{"from": "x", "number": 3, "events": [[1, "ada", "delta", {"turn": 1, "offset": "0", "text": "x"}]]}',
    b'{"from": "x", "number": 4, "events": [[1, "ada", "message", {"id": "x"}], [true, "ada", "reset", {"turn": 1}]]}',
]


@pytest.fixture
def make_bus(redis: RedisServer) -> Iterator[Callable[..., MemoryBus]]:
    """`make_bus()`: the bus of one more process."""
    started: list[tuple[RedisLink, Relay]] = []

    def make(listen: bool = True, url: str = redis.url) -> MemoryBus:
        bus, link = MemoryBus(), RedisLink(url, KEY)
        relay = Relay(link, bus)
        started.append((link, relay))
        with bus.watch((0, "nobody")) as view:
            relay.start(listen=listen)
            if listen:
                until(view, "sync")  # it hears the channel from now on
        return bus

    yield make
    for _, relay in started:
        relay.stop()


def until(view: Subscription, kind: str, timeout: float = 5.0) -> LiveEvent:
    """The next event of this type."""
    while (event := view.next(timeout)) is not None:
        if event.type == kind:
            return event
    raise TimeoutError(kind)


def test_events_cross_and_do_not_come_back(make_bus: Callable[..., MemoryBus]) -> None:
    here, there = make_bus(), make_bus()
    with here.watch(ADA) as own, there.watch(ADA) as other, there.watch((2, "ada")) as stranger:
        here.delta(ADA, 7, "Hel")
        here.delta(ADA, 7, "lo")
        assert [until(other, "delta").data["offset"] for _ in range(2)] == [0, 3]
        assert [until(own, "delta").data["offset"] for _ in range(2)] == [0, 3]
        there.publish(ADA, LiveEvent("message", {"id": 9}))
        assert until(own, "message").data == {"id": 9}
        assert [event.type for event in iter(lambda: own.next(0.2), None) if event] == []
        assert all(event.type == "sync" for event in iter(lambda: stranger.next(0.05), None) if event)


def test_garbage_in_the_channel_kills_nothing(make_bus: Callable[..., MemoryBus], redis: RedisServer) -> None:
    here, there = make_bus(listen=False), make_bus()
    with there.watch(ADA) as other:
        with client.Redis.from_url(redis.url) as hostile:
            for payload in GARBAGE:
                assert hostile.publish(f"{RedisLink(redis.url, KEY).name}:live", payload) == 1
        here.publish(ADA, LiveEvent("message", {"id": 9}))
        assert until(other, "message").data == {"id": 9}
        assert there.snapshot(ADA) == []


def test_an_outage_is_one_gap_of_which_everybody_hears(make_bus: Callable[..., MemoryBus], redis: RedisServer) -> None:
    here, there = make_bus(listen=False), make_bus()
    with there.watch(ADA) as other:
        here.delta(ADA, 7, "Hel")
        until(other, "delta")
        redis.kill()
        until(other, "reset")
        for _ in range(3):
            until(other, "sync")
        here.delta(ADA, 7, "lo")
        redis.start()
        here.publish(ADA, LiveEvent("message", {"id": 9}))
        heard: list[str] = []
        for _ in range(100):
            here.publish(ADA, LiveEvent("message", {"id": 10}))
            heard += [event.type for event in iter(lambda: other.next(0.1), None) if event]
            if "message" in heard:
                break
        assert "sync" in heard[: heard.index("message")]


def test_those_who_stayed_connected_hear_of_what_another_could_not_say(
    make_bus: Callable[..., MemoryBus], redis: RedisServer
) -> None:
    """The publisher alone was cut off: nobody else notices it but by the gap in its numbers."""
    with closing(WireBetween(redis.port)) as wire:
        here, there = make_bus(listen=False, url=wire.redis_url), make_bus()
        with there.watch(ADA) as other:
            here.publish(ADA, LiveEvent("message", {"id": 8}))
            until(other, "message")
            wire.cut()
            here.publish(ADA, LiveEvent("message", {"id": 9}))
            assert [other.next(1.5), other.next(0.0)] == [None, None]
            wire.target = redis.port
            until(other, "sync")  # though nothing more was said since
            here.publish(ADA, LiveEvent("message", {"id": 10}))
            assert until(other, "message").data == {"id": 10}


def test_numbers_tell_gaps_apart() -> None:
    numbers = Numbers()
    answers = [numbers.follows(*each) for each in [("a", 1), ("a", 2), ("b", 5), ("b", 6), ("a", 4), ("a", 5)]]
    assert answers == [True, True, False, True, False, True]


def test_installations_on_one_redis_have_names_of_their_own(redis: RedisServer) -> None:
    assert RedisLink(redis.url, KEY).name != RedisLink(redis.url, b"j" * 32).name
