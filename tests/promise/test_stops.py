"""F29 and F30: a deploy in the middle of a turn, and a worker that was paused for longer than its lease."""

from __future__ import annotations

import signal
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator

from tests.harness.customers import ChatClient, Texter
from tests.harness.installation import Installation
from tests.harness.waiting import eventually
from tests.promise.records import Customer, assert_answered, messages, settle, turns
from tests.servers.brain import Brain, Piece, Question
from tests.servers.points import Points
from tests.servers.vendor_server import VendorServer

SHORT_GRACE = """
from receptionist import hookimpl
from receptionist.pipeline import runner

@hookimpl
def startup(host):
    runner.GRACE_SECONDS = 1.0
"""


class Thoughtful:
    """A model that begins to speak, and goes on when it is let."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.patient = 60.0

    def __call__(self, question: Question) -> Iterator[Piece]:
        yield "Echo: "
        self.go_on.wait(self.patient)
        yield " | ".join(question.asked)


def test_sigterm_lets_a_running_answer_end(
    install: Callable[..., Installation], brain: Brain, vendor: VendorServer
) -> None:
    installation = install()
    installation.start()
    brain.reply = thoughtful = Thoughtful()
    people: list[Customer] = [ChatClient(installation.port), Texter(installation.port, "blind", vendor)]
    texts = [f"Are you there, {uuid.uuid4().hex}?" for _ in people]
    for person, text in zip(people, texts, strict=True):
        person.send(text)
        brain.wait_for(text)
    begun = time.monotonic()
    installation.terminate()
    eventually(lambda: not installation.healthy(), what="the end of serving")
    thoughtful.go_on.set()
    assert installation.wait() == 0
    assert time.monotonic() - begun < 20
    for person, text in zip(people, texts, strict=True):
        assert [row["state"] for row in messages(installation, person, "out")] == ["sent"]
        assert len(brain.about(text)) == 1
    installation.start()
    for person, text in zip(people, texts, strict=True):
        assert person.replies() == [f"Echo: {text}"]
        assert person.say("Still there?") == "Echo: Still there?"


def test_sigterm_hands_back_what_does_not_end(
    install: Callable[..., Installation], brain: Brain, vendor: VendorServer
) -> None:
    """The grace is shortened; the model speaks again only after it, or not at all."""
    installation = install()
    installation.drop_in(SHORT_GRACE, "short_grace")
    installation.start()
    brain.reply = slow = Thoughtful()
    slow.patient = 2.0
    talker = ChatClient(installation.port)
    talker.send(first := f"Are you slow, {uuid.uuid4().hex}?")
    brain.wait_for(first)
    brain.reply = silent = Thoughtful()
    hanging = Texter(installation.port, "idempotent", vendor)
    hanging.send(second := f"Are you silent, {uuid.uuid4().hex}?")
    brain.wait_for(second)
    begun = time.monotonic()
    installation.terminate()
    assert installation.wait() == 0
    assert time.monotonic() - begun < 20
    assert turns(installation, talker) == turns(installation, hanging) == []
    silent.go_on.set()
    brain.reply = Thoughtful.__call__.__get__(silent)
    installation.start()
    assert talker.wait_for_replies(1) == [f"Echo: {first}"]
    assert hanging.wait_for_replies(1) == [f"Echo: {second}"]
    for person in (talker, hanging):
        settle(installation, person)
        assert len(person.replies()) == 1


def test_a_handed_back_answer_begins_at_once(install: Callable[..., Installation], brain: Brain) -> None:
    """Its lease was given back, so the next process need not wait until it runs out."""
    installation = install(LEASE_SECONDS=30)
    installation.drop_in(SHORT_GRACE, "short_grace")
    installation.start()
    brain.reply = slow = Thoughtful()
    slow.patient = 2.0
    talker = ChatClient(installation.port)
    talker.send("Are you slow?")
    brain.wait_for("Are you slow?")
    installation.terminate()
    assert installation.wait() == 0
    slow.go_on.set()
    installation.start()
    assert talker.wait_for_replies(1, timeout=10) == ["Echo: Are you slow?"]


def _freeze(installation: Installation) -> None:
    """Pause it outside a write: frozen in one, it locks SQLite for all others, as docs/promise.md says."""
    for _ in range(50):
        installation.freeze()
        database = sqlite3.connect(installation.path / "receptionist.db", timeout=0.2)
        try:
            database.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError:
            installation.signal(signal.SIGCONT)
        finally:
            database.close()
    raise AssertionError("it is always in a write")


def test_a_paused_worker_cannot_write_late(
    installation: Installation,
    install: Callable[..., Installation],
    brain: Brain,
    points: Points,
    vendor: VendorServer,
) -> None:
    """Two processes on one database: the first is paused before it records, the second answers meanwhile."""
    people: list[Customer] = [
        ChatClient(installation.port),
        *(Texter(installation.port, kind, vendor) for kind in ("askable", "blind")),
    ]
    texts = [f"Who answers, {uuid.uuid4().hex}?" for _ in people]
    points.arm("before_record")
    for person, text in zip(people, texts, strict=True):
        person.send(text)
    points.wait(len(people))
    _freeze(installation)
    try:
        points.disarm()
        second = install(installation.path)
        second.start()
        for person, text in zip(people, texts, strict=True):
            person.turn_to(second.port)
            assert person.wait_for_replies(1) == [f"Echo: {text}"]
            settle(second, person)
    finally:
        installation.signal(signal.SIGCONT)
    eventually(lambda: installation.log().count("fence_lost") >= len(people), what="the late workers' refusal")
    for person, text in zip(people, texts, strict=True):
        assert_answered(second, person, brain, [text])
        assert person.replies() == [f"Echo: {text}"]
