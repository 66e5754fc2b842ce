"""A rush is said by those who serve and heard by those who answer, over Redis."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis as redis_client

from receptionist.desk import Desk
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
    for _ in range(20):
        web.say_rush()
        if heard.wait(0.5):
            break
    assert heard.is_set()
    for _ in range(20):
        heard.clear()
        if not heard.wait(0.5):  # it is over by itself
            return
    pytest.fail("a rush that was said once goes on for ever")


def test_a_process_that_only_serves_says_it_to_the_others(
    make_instance: Callable[..., Path], redis: RedisServer
) -> None:
    desk = Desk(make_instance(REDIS_URL=redis.url), answers=False)
    assert desk._door is not None
    desk._door.start()
    heard, client = threading.Event(), redis_client.Redis.from_url(redis.url)
    for _ in range(50):
        desk.parts.rush.say()
        if client.keys("*:rush"):
            heard.set()
            break
        time.sleep(0.02)
    desk._door.stop()
    desk.parts.database.dispose()
    client.close()
    assert heard.is_set()
