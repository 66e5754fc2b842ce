"""A rush is said by those who serve and heard by those who answer, over Redis."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from receptionist.live.link import RedisLink
from receptionist.pipeline.door import Door
from tests.servers.redis_server import RedisServer


@pytest.fixture
def make_door(redis: RedisServer) -> Iterator[Callable[[], Door]]:
    doors: list[Door] = []

    def make() -> Door:
        door = Door(RedisLink(redis.url, b"k" * 32))
        door.start()
        doors.append(door)
        return door

    yield make
    for door in doors:
        door.stop_listening()
        door.stop()


def test_other_processes_hear_of_a_rush(make_door: Callable[[], Door]) -> None:
    web, worker = make_door(), make_door()
    heard = threading.Event()
    worker.listen(lambda conversation_id: None, heard.set)
    web.say_rush()
    assert heard.wait(5.0)
    for _ in range(20):
        heard.clear()
        if not heard.wait(0.5):  # it is over by itself
            return
    pytest.fail("a rush that was said once goes on for ever")
