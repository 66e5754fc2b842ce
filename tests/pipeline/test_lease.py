"""P3: one worker at a time, and a late one cannot write, not even one of the same process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from tests.harness.house import House
from tests.servers.brain import Brain, Calls, Piece, Question


class Slow:
    """A model whose first answer waits until the test lets it go on."""

    def __init__(self) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()

    def __call__(self, question: Question) -> Iterator[Piece]:
        first = not self.reached.is_set()
        if first:
            self.reached.set()
            self.go_on.wait(20)
        yield f"{'Late' if first else 'Quick'}: {question.asked[-1]}"


def overdue(house: House) -> None:
    """Let the leases that are held run out, as if their holders hung beyond their deadline."""
    lapse(house)
    for lease in house.runner.keeper.held():
        lease.work_until = 0.0


def lapse(house: House) -> None:
    """Let the leases that are held run out, as if the process had been frozen."""
    for lease in house.runner.keeper.held():
        lease.held_until = 0.0
    house.sql("UPDATE conversations SET lease_until = '2020-01-01 00:00:00.000000' WHERE lease_owner IS NOT NULL")


def begun(house: House, slow: Slow) -> tuple[int, threading.Thread]:
    """The conversation that was rung for, and a worker that is in the middle of its answer."""
    conversation = house.rung.pop()
    holder = threading.Thread(target=house.runner.drain, args=(conversation,))
    holder.start()
    assert slow.reached.wait(10)
    return conversation, holder


def test_a_second_worker_finds_the_conversation_taken(house: House, brain: Brain) -> None:
    brain.reply = slow = Slow()
    visitor = house.visitor()
    visitor.send("Who is first?")
    conversation, holder = begun(house, slow)
    house.runner.drain(conversation)
    assert visitor.replies() == []
    slow.go_on.set()
    holder.join(10)
    assert visitor.replies() == ["Late: Who is first?"]


class TwoWorkers:
    """A late worker and, once its lease has lapsed, a newer one, both in the middle of an answer."""

    def __init__(self, house: House, brain: Brain, then: Callable[[str], Iterator[Piece]]) -> None:
        self._house = house
        self._turns = iter((("late", threading.Event()), ("new", threading.Event())))
        self._then = then
        self._reached = threading.Semaphore(0)
        self.go_on: dict[str, threading.Event] = {}
        self.threads: dict[str, threading.Thread] = {}
        brain.reply = self._reply

    def _reply(self, question: Question) -> Iterator[Piece]:
        if question.outputs:
            yield "Done."
            return
        name, go_on = next(self._turns)
        self.go_on[name] = go_on
        self._reached.release()
        go_on.wait(20)
        yield from self._then(name)

    def begin(self, name: str, conversation: int) -> None:
        """Let a worker take the conversation; returns when it is in the middle of its answer."""
        self.threads[name] = threading.Thread(target=self._house.runner.drain, args=(conversation,))
        self.threads[name].start()
        assert self._reached.acquire(timeout=10)

    def end(self, name: str) -> None:
        """Let the worker go on to its end."""
        self.go_on[name].set()
        self.threads[name].join(10)
        assert not self.threads[name].is_alive()


@pytest.mark.parametrize("kind", ["webchat", "blind"])
def test_a_late_worker_of_the_same_process_is_refused(kind: str, house: House, brain: Brain) -> None:
    """Both have the same owner and both are at work, so only the fence tells them apart."""
    person = house.visitor() if kind == "webchat" else house.texter(kind)
    workers = TwoWorkers(house, brain, lambda name: iter([f"I am {name}."]))
    person.send("Who is late?")
    conversation = house.rung.pop()
    workers.begin("late", conversation)
    overdue(house)
    workers.begin("new", conversation)
    workers.end("late")
    assert person.replies() == []
    assert house.sql("SELECT id FROM turns") == []
    workers.end("new")
    assert person.replies() == ["I am new."]
    assert house.sql("SELECT state FROM turns") == [("done",)]
    assert house.sql("SELECT id FROM conversations WHERE lease_owner IS NOT NULL OR due_at IS NOT NULL") == []


def test_a_process_that_was_frozen_goes_on_with_what_it_did(house: House, brain: Brain) -> None:
    """F30: nobody else took the conversation meanwhile, so it is not begun anew, and no death is counted."""
    brain.reply = slow = Slow()
    visitor = house.visitor()
    visitor.send("Are you awake?")
    conversation, holder = begun(house, slow)
    lapse(house)
    house.runner.drain(conversation)
    assert house.sql("SELECT attempts FROM conversations") == [(0,)]
    slow.go_on.set()
    holder.join(10)
    assert visitor.replies() == ["Late: Are you awake?"]


def test_a_late_tool_call_is_not_begun(house: House, brain: Brain) -> None:
    """The fence is asked before the effect, not only when the reply is recorded."""
    workers = TwoWorkers(house, brain, lambda name: iter([Calls("note", f'{{"text": "{name}"}}')]))
    visitor = house.visitor()
    visitor.send("Note it.")
    conversation = house.rung.pop()
    workers.begin("late", conversation)
    overdue(house)
    workers.begin("new", conversation)
    workers.end("late")
    assert house.sql("SELECT id FROM tool_calls") == []
    workers.end("new")
    assert visitor.replies() == ["Done."]
    assert len(house.sql("SELECT id FROM tool_calls")) == 1
    assert house.sql("SELECT notes FROM leads") == [("new",)]


def test_nothing_is_begun_after_the_process_was_told_to_stop(house: House) -> None:
    visitor = house.visitor()
    visitor.send("Are you going?")
    house.runner.drain.stopping.set()
    house.drain()
    assert visitor.replies() == []
    assert house.sql("SELECT state FROM messages") == [("waiting",)]
    house.runner.drain.stopping.clear()
    house.make_due()
    house.drain()
    assert visitor.replies() == ["Echo: Are you going?"]


def test_no_credit_no_answer_but_the_fallback_text(house: House, brain: Brain) -> None:
    """P6: the last credit is used once; below zero there is nothing."""
    house.sql("UPDATE accounts SET credits = 1, revision = revision + 1")
    visitor = house.visitor()
    assert visitor.say("My first, credit.") == "Echo: My first, credit."
    assert visitor.say("My second, credit.").startswith("Thank you")
    assert brain.about("My second, credit.") == []
    assert house.sql("SELECT credits FROM accounts") == [(0,)]
    assert [row.amount for row in house.sql("SELECT amount FROM credit_entries")] == [-1]
    assert house.sql("SELECT error FROM turns ORDER BY id DESC LIMIT 1") == [("no credits left",)]


def test_two_turns_cannot_use_the_last_credit(house: House, brain: Brain) -> None:
    """Both begin while there is one credit; the one that records second gets the fallback text."""
    brain.reply = slow = Slow()
    house.sql("UPDATE accounts SET credits = 1, revision = revision + 1")
    late, quick = house.visitor(), house.visitor()
    late.send("Who pays?")
    holder = threading.Thread(target=house.runner.drain, args=(house.rung.pop(),))
    holder.start()
    assert slow.reached.wait(10)
    assert quick.say("I do.") == "Quick: I do."
    slow.go_on.set()
    holder.join(10)
    [reply] = late.replies()
    assert reply.startswith("Thank you")
    assert house.sql("SELECT credits FROM accounts") == [(0,)]
    assert len(house.sql("SELECT id FROM credit_entries")) == 1
