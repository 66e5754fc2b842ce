"""What a customer writes in pieces is one turn, and a newer message restarts an answer that did nothing yet."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from receptionist.pipeline.burst import MAX_WAITS, is_finished, wait_seconds
from tests.harness.house import House, Visitor, drain_events
from tests.harness.waiting import eventually
from tests.servers.brain import Brain, Calls, Piece, Question

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    """So many seconds before now."""
    return NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("texts", "seconds"),
    [
        ([], 0),
        ([("hi", ago(0))], 2),
        ([("hi", ago(0.5))], 1.5),
        ([("hi", ago(5))], 0),
        ([("hi", ago(1)), ("are you open?", ago(0))], 0),
        ([("Are you open?", ago(1)), ("hi", ago(0))], 2),
        ([("hi", ago(7)), ("there", ago(0))], 1),
        ([("hi", ago(9)), ("there", ago(0))], 0),
        ([("hi", ago(-3600))], 2),
        ([("x" * 60, ago(0))], 0),
    ],
)
def test_how_long_to_wait(texts: list[tuple[str, datetime]], seconds: float) -> None:
    assert wait_seconds(texts, 2.0, NOW) == pytest.approx(seconds)


def test_the_wait_is_capped_and_can_be_off() -> None:
    texts = [("a", ago(seconds)) for seconds in range(20, 0, -1)]
    assert wait_seconds(texts, 2.0, NOW) == 0
    assert wait_seconds([("hi", NOW)], 0, NOW) == 0
    assert MAX_WAITS * 2.0 < 20


@pytest.mark.parametrize(
    ("text", "finished"),
    [("Open?", True), ('I am "here."', True), ("Offen。", True), ("hi", False), ("", False), ("and ", False)],
)
def test_a_finished_sentence(text: str, finished: bool) -> None:
    assert is_finished(text) is finished


@pytest.fixture
def house(open_house: Callable[..., House]) -> House:
    """A house that waits for the rest of what a customer is writing."""
    return open_house(bursts=True)


@pytest.fixture
def running(house: House) -> House:
    """A house that answers by itself."""
    house.start()
    return house


def wait_for_replies(visitor: Visitor, count: int) -> list[str]:
    """The replies, when there are `count`."""
    eventually(lambda: len(visitor.replies()) >= count, what="a reply")
    return visitor.replies()


def test_a_greeting_and_a_question_are_one_turn(running: House, brain: Brain) -> None:
    visitor = running.visitor()
    visitor.send("hi, burst")
    visitor.send("are you open?")
    assert wait_for_replies(visitor, 1) == ["Echo: hi, burst | are you open?"]
    assert len(brain.about("hi, burst")) == 1
    assert len(running.sql("SELECT id FROM turns")) == 1


def test_a_fragment_alone_is_answered_after_the_wait(house: House) -> None:
    assert house.visitor().say("hi") == "Echo: hi"


class Paused:
    """A model whose first answer stops in the middle until the test lets it go on; later ones are quick."""

    def __init__(self) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()

    def __call__(self, question: Question) -> Iterator[Piece]:
        if not self.reached.is_set():
            yield "Let me think. "
            self.reached.set()
            self.go_on.wait(20)
        yield " | ".join(question.asked)


def test_a_newer_message_restarts_the_answer(running: House, brain: Brain) -> None:
    brain.reply = paused = Paused()
    visitor = running.visitor()
    with visitor.watch() as watch:
        visitor.send("Are you open, restart?")
        assert paused.reached.wait(10)
        visitor.send("On Sunday, I mean.")
        paused.go_on.set()
        assert wait_for_replies(visitor, 1) == ["Are you open, restart? | On Sunday, I mean."]
        eventually(lambda: running.sql("SELECT id FROM conversations WHERE lease_owner IS NULL"))
        events = drain_events(watch)
    assert visitor.replies() == ["Are you open, restart? | On Sunday, I mean."]
    assert len(brain.about("restart?")) == 2
    assert [row.state for row in running.sql("SELECT state FROM turns")] == ["done"]
    [reset] = [event for event in events if event.type == "reset"]
    begun = [event.data["turn"] for event in events if event.type == "typing"]
    assert len(begun) == 2
    assert reset.data["turn"] == begun[0] != begun[1]
    shown = "".join(event.data["text"] for event in events if event.type == "delta" and event.data["turn"] == begun[1])
    assert shown == "Are you open, restart? | On Sunday, I mean."
    assert events[-1].data["turn"] == begun[1]


def test_a_newer_message_waits_once_a_tool_acted(running: House, brain: Brain) -> None:
    """The turn that acted ends with its own reply; the newer message is answered next, and the tool acts once."""
    reached, go_on = threading.Event(), threading.Event()

    def reply(question: Question) -> Iterator[Piece]:
        if question.outputs:
            yield "Noted"
            reached.set()
            go_on.wait(20)
            yield "."
        elif "A window seat" in question.asked[-1]:
            yield Calls("note", '{"text": "window seat"}')
        else:
            yield " | ".join(question.asked)

    brain.reply = reply
    visitor = running.visitor()
    visitor.send("A window seat, please.")
    assert reached.wait(10)
    visitor.send("And a second one.")
    go_on.set()
    assert wait_for_replies(visitor, 2) == ["Noted.", "And a second one."]
    assert [row.state for row in running.sql("SELECT state FROM turns ORDER BY id")] == ["done", "done"]
    assert len(running.sql("SELECT id FROM tool_calls")) == 1
    assert running.sql("SELECT notes FROM leads") == [("window seat",)]


def test_the_answer_is_restarted_only_so_often(running: House, brain: Brain) -> None:
    """Somebody who never stops writing is answered all the same."""
    seen = threading.Semaphore(0)
    go_on = threading.Semaphore(0)

    def reply(question: Question) -> Iterator[Piece]:
        yield "Well, "
        seen.release()
        go_on.acquire(timeout=20)
        yield str(len(question.asked))

    brain.reply = reply
    visitor = running.visitor()
    visitor.send("Message 1, endless.")
    for number in range(2, 5):
        assert seen.acquire(timeout=10)
        visitor.send(f"Message {number}, endless.")
        go_on.release()
    assert seen.acquire(timeout=10)
    visitor.send("Message 5, endless.")
    go_on.release()
    assert wait_for_replies(visitor, 1)[0] == "Well, 4"
    go_on.release()
    assert wait_for_replies(visitor, 2)[1] == "Well, 1"
    assert len(brain.about("Message 1")) == 4


def test_a_message_that_comes_between_answer_and_record(house: House, brain: Brain) -> None:
    """The transaction that records sees the newer message, writes nothing, and the answer begins anew."""
    from receptionist.pipeline import turn

    visitor = house.visitor()
    original = turn.record  # type: ignore[attr-defined]
    late = iter(["Too late?"])

    def record(*args: object, **kwargs: object) -> object:
        for text in late:
            visitor.send(text)
        return original(*args, **kwargs)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(turn, "record", record)
        visitor.send("First, between.")
        house.drain()
    assert visitor.replies() == ["Echo: First, between. | Too late?"]
    assert len(brain.about("First, between.")) == 2
    assert len(house.sql("SELECT id FROM turns")) == 1
