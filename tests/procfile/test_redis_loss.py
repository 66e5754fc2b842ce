"""P9, F9 to F13: whatever Redis does, webhooks are quick, every message is answered, and nobody is restarted."""

from __future__ import annotations

import json
import signal
import threading
import time
import uuid
from collections.abc import Callable

import pytest
import redis as client

from tests.harness.customers import ChatClient, Texter, call
from tests.harness.waiting import eventually
from tests.procfile.processes import Part, Procfile, events
from tests.servers.redis_server import RedisServer
from tests.servers.vendor_server import VendorServer


def fill(redis: RedisServer) -> None:
    """Let no more be written."""
    client.Redis.from_url(redis.url).config_set("maxmemory", "1")


def empty(redis: RedisServer) -> None:
    client.Redis.from_url(redis.url).config_set("maxmemory", "0")


Change = Callable[[RedisServer], None]
TROUBLES: dict[str, tuple[Change, Change]] = {
    "killed": (RedisServer.kill, RedisServer.start),
    "hangs": (RedisServer.pause, RedisServer.resume),
    "full": (fill, empty),
}


def redis_of(web: Part) -> str:
    """What `/health` remarks."""
    answer = call(web.port, "GET", "/health", None, {})
    assert answer.status == 200
    return str(answer.body["redis"])


@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_is_delay_only(
    trouble: str, procfile: Callable[..., Procfile], redis: RedisServer, vendor: VendorServer
) -> None:
    begin, end = TROUBLES[trouble]
    together = procfile(SWEEP_SECONDS=60)
    web = together.start("web")
    worker = together.start("worker")
    visitor, texter = ChatClient(web.port), Texter(web.port, "blind", vendor)
    visitor.open()
    assert texter.say("Before?") == "Echo: Before?"
    with visitor.follow() as socket:
        begin(redis)
        for number in range(3):
            text = f"Number {number}, {uuid.uuid4().hex}?"
            for customer in (visitor, texter):
                begun = time.monotonic()
                customer.send(text)
                assert time.monotonic() - begun < 1
            assert socket.next_reply(8) == f"Echo: {text}"
            assert texter.wait_for_replies(number + 2, 8)[-1] == f"Echo: {text}"
        eventually(lambda: redis_of(web) == "away", what="the remark")
        end(redis)
        eventually(lambda: redis_of(web) == "ok", what="the return")

        def quick() -> bool:
            begun = time.monotonic()
            texter.say(f"After, {uuid.uuid4().hex}?")
            return time.monotonic() - begun < 0.9

        eventually(quick, 20, what="a ring that is heard")
        visitor.send("And you?")
        assert socket.next_reply() == "Echo: And you?"
        shown = [frame["message"]["id"] for frame in socket.frames if frame["type"] == "message"]
    assert len(shown) == len(set(shown)) == 8
    assert shown == [message["id"] for message in visitor.poll()["messages"]]
    for line in (web.log() + worker.log()).splitlines():
        assert line.startswith("Receptionist ") or json.loads(line)["event"], "libraries' lines are JSON, too"
    for part in together.parts:
        eventually(lambda part=part: "redis_back" in events(part), what="the word that it is back")  # type: ignore[misc]
        assert [events(part).count(event) for event in ("redis_away", "redis_back")] == [1, 1]
        assert events(part).count("rings_dropped") <= 1


def test_what_redis_forgot_is_swept_for_when_it_is_back(
    procfile: Callable[..., Procfile], redis: RedisServer, vendor: VendorServer
) -> None:
    """FLUSHALL with rings in it, and nobody there to hear them."""
    together = procfile(SWEEP_SECONDS=600)
    web = together.start("web")
    worker = together.start("worker")
    texters = [Texter(web.port, "blind", vendor) for _ in range(5)]
    texters[0].say("Before?")
    busy = "SELECT 1 FROM conversations WHERE due_at IS NOT NULL"  # frozen in a write, it would lock SQLite for all
    eventually(lambda: not web.sql(busy), what="the worker's rest")
    worker.freeze()
    for texter in texters:
        texter.send("Lost?")
    with client.Redis.from_url(redis.url) as connection:
        eventually(lambda: sum(map(connection.llen, connection.scan_iter("*:conversations"))) >= 5, what="rings")
        connection.flushall()
    worker.signal(signal.SIGCONT)
    assert texters[0].wait_for_replies(2, 15)[-1] == "Echo: Lost?"
    for texter in texters[1:]:
        assert texter.wait_for_replies(1, 15) == ["Echo: Lost?"]


def test_many_webhooks_in_an_outage_are_all_quick(
    procfile: Callable[..., Procfile], redis: RedisServer, vendor: VendorServer
) -> None:
    together = procfile()
    web = together.start("web")
    texter = Texter(web.port, "blind", vendor)
    texter.send("Warm?")
    redis.pause()
    slowest: list[float] = []

    def write() -> None:
        for _ in range(5):
            begun = time.monotonic()
            assert texter.message(uuid.uuid4().hex).once().status < 300
            slowest.append(time.monotonic() - begun)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(slowest) == 20 and max(slowest) < 1
