"""Web and worker processes together: who takes in, who answers, and what browsers see of it."""

from __future__ import annotations

import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator

import pytest

from tests.harness.customers import ChatClient, Texter
from tests.harness.installation import Installation
from tests.harness.waiting import eventually
from tests.procfile.processes import Procfile, stopped
from tests.servers.brain import Brain, Piece, Question, echo
from tests.servers.vendor_server import VendorServer

ENDLESS = """
import threading, time
from receptionist import hookimpl, worker

@hookimpl
def startup(host):
    worker.LONGEST_STOP_SECONDS = 2.0
    threading.Thread(target=time.sleep, args=(60,)).start()

@hookimpl
def shutdown(host):
    time.sleep({})
"""
"""A plugin that does not end when it is told to, be it its hook or a thread that it left."""


class Slow:
    """A model that says its first words, and the rest when it is let."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def __call__(self, question: Question) -> Iterator[Piece]:
        yield "First, "
        yield "second, "
        self.go_on.wait(30)
        yield "third."


class FirstEndless:
    """A model that comes to no end the first time it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, question: Question) -> Iterator[Piece]:
        self.asked += 1
        while self.asked == 1:
            yield "and "
            time.sleep(0.2)
        yield from echo(question)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_worker_answers_what_web_took_in(procfile: Callable[..., Procfile], vendor: VendorServer) -> None:
    together = procfile(SWEEP_SECONDS=60)
    web = together.start("web")
    together.start("worker")
    chat, texter = ChatClient(web.port), Texter(web.port, "blind", vendor)
    for customer in (chat, texter):
        customer.say("Hello?")
        begun = time.monotonic()
        assert customer.say("Are you there?") == "Echo: Are you there?"
        assert time.monotonic() - begun < 3  # a ring, not a sweep


def test_words_reach_the_sockets_of_every_web_process_as_they_come(
    procfile: Callable[..., Procfile], brain: Brain
) -> None:
    together = procfile(SWEEP_SECONDS=60)
    webs = [together.start("web") for _ in range(2)]
    together.start("worker")
    visitor = ChatClient(webs[0].port)
    visitor.open()
    brain.reply = slow = Slow()
    with visitor.follow() as first:
        visitor.turn_to(webs[1].port)
        with visitor.follow() as second:
            visitor.send("Count.")
            for socket in (first, second):
                words = ""
                while words != "First, second, ":
                    delta = socket.until("delta")
                    assert delta["offset"] == len(words)
                    words += delta["text"]
            with visitor.follow() as late:
                assert [f["text"] for f in late.frames if f["type"] == "delta"] == ["First, second, "]
                assert visitor.poll()["partial"]["text"] == "First, second, "
                slow.go_on.set()
                for socket in (first, second, late):
                    assert socket.next_reply() == "First, second, third."
    assert visitor.poll()["partial"] is None


def test_two_workers_share_the_work_and_nothing_is_doubled(
    procfile: Callable[..., Procfile], brain: Brain, vendor: VendorServer
) -> None:
    together = procfile(WORKER_THREADS=3)
    webs = [together.start("web", WEB_CONCURRENCY=2), together.start("web")]
    for _ in range(2):
        together.start("worker")
    texters = [Texter(webs[number % 2].port, "blind", vendor) for number in range(12)]
    brain.reply = slow = Slow()
    for texter in texters:
        texter.send("Count, please.")
    eventually(lambda: len(brain.about("Count, please.")) > 3, 20, "more at once than one can")
    slow.go_on.set()
    for texter in texters:
        assert texter.wait_for_replies(1, 30) == ["First, second, third."]
        texter.send("Again, please.")
    for texter in texters:
        assert texter.wait_for_replies(2, 30) == ["First, second, third."] * 2
    assert len(brain.about("Count, please.")) == 12


def test_a_worker_told_to_stop_lets_its_answer_end(procfile: Callable[..., Procfile], brain: Brain) -> None:
    together = procfile(SWEEP_SECONDS=60)
    web = together.start("web")
    leaving = together.start("worker")
    visitor = ChatClient(web.port)
    visitor.open()
    brain.reply = slow = Slow()
    with visitor.follow() as socket:
        visitor.send("Count.")
        socket.until("delta")
        begun = time.monotonic()
        with stopped(leaving, signal.SIGTERM):
            slow.go_on.set()
            assert socket.next_reply() == "First, second, third."
        assert time.monotonic() - begun < 20


@pytest.mark.parametrize("seconds", [0, 60])
def test_a_plugin_that_does_not_end_keeps_no_worker(procfile: Callable[..., Procfile], seconds: int) -> None:
    together = procfile()
    Installation(together.path).drop_in(ENDLESS.format(seconds), "endless")
    worker = together.start("worker")
    begun = time.monotonic()
    worker.terminate()
    assert worker.wait(15) == 1
    assert time.monotonic() - begun < 10


def test_what_a_stopping_worker_hands_back_another_takes_up_at_once(
    procfile: Callable[..., Procfile], brain: Brain
) -> None:
    together = procfile(SWEEP_SECONDS=60)
    web = together.start("web")
    leaving = together.start("worker")
    visitor = ChatClient(web.port)
    brain.reply = FirstEndless()
    text = f"Who, {uuid.uuid4().hex}?"
    visitor.send(text)
    brain.wait_for(text)
    together.start("worker")
    begun = time.monotonic()
    with stopped(leaving, signal.SIGINT):
        pass
    assert 11 < time.monotonic() - begun < 20
    assert visitor.wait_for_replies(1, 10) == [f"Echo: {text}"]


def test_without_redis_a_worker_finds_the_work_and_sockets_still_show_the_answer(
    procfile: Callable[..., Procfile],
) -> None:
    together = procfile(REDIS_URL="", SWEEP_SECONDS=0.3)
    web = together.start("web")
    together.start("worker")
    assert "REDIS_URL is not set" in web.log()
    visitor = ChatClient(web.port)
    visitor.open()
    assert visitor.say("Hello?") == "Echo: Hello?"
