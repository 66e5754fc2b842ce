"""P3: one worker at a time, and a late one cannot write, not even one of the same process."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from tests.harness.house import Customer, House, Visitor
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


def lapse(house: House) -> None:
    """Let the leases that are held run out, as if their holders had been paused."""
    house.sql("UPDATE conversations SET lease_until = '2020-01-01 00:00:00.000000' WHERE lease_owner IS NOT NULL")


def test_a_second_worker_finds_the_conversation_taken(house: House, brain: Brain) -> None:
    brain.reply = slow = Slow()
    visitor = house.visitor()
    visitor.send("Who is first?")
    conversation = house.rung.pop()
    holder = threading.Thread(target=house.runner.drain, args=(conversation,))
    holder.start()
    assert slow.reached.wait(10)
    house.runner.drain(conversation)
    assert visitor.replies() == []
    slow.go_on.set()
    holder.join(10)
    assert visitor.replies() == ["Late: Who is first?"]


def test_a_late_worker_of_the_same_process_is_refused(house: House, brain: Brain) -> None:
    """Both have the same owner, so only the fence tells them apart."""
    brain.reply = slow = Slow()
    people: list[Visitor | Customer] = [house.visitor(), house.texter("blind")]
    for person in people:
        slow.reached.clear()
        slow.go_on.clear()
        person.send("Who is late?")
        conversation = house.rung.pop()
        late = threading.Thread(target=house.runner.drain, args=(conversation,))
        late.start()
        assert slow.reached.wait(10)
        lapse(house)
        house.runner.drain(conversation)
        assert person.replies() == ["Quick: Who is late?"]
        slow.go_on.set()
        late.join(10)
        assert person.replies() == ["Quick: Who is late?"]
    assert [tuple(row) for row in house.sql("SELECT state, count(*) FROM turns GROUP BY state")] == [("done", 2)]
    assert house.sql("SELECT id FROM conversations WHERE lease_owner IS NOT NULL OR due_at IS NOT NULL") == []


def test_a_late_tool_call_is_not_begun(house: House, brain: Brain) -> None:
    """The fence is asked before the effect, not only when the reply is recorded."""
    reached, go_on = threading.Event(), threading.Event()

    def reply(question: Question) -> Iterator[Piece]:
        if not reached.is_set():
            reached.set()
            go_on.wait(20)
            yield Calls("note", '{"text": "late"}')
        else:
            yield "Quick."

    brain.reply = reply
    visitor = house.visitor()
    visitor.send("Note it.")
    conversation = house.rung.pop()
    late = threading.Thread(target=house.runner.drain, args=(conversation,))
    late.start()
    assert reached.wait(10)
    lapse(house)
    house.runner.drain(conversation)
    go_on.set()
    late.join(10)
    assert visitor.replies() == ["Quick."]
    assert house.sql("SELECT id FROM tool_calls") == []
    assert house.sql("SELECT notes FROM leads") == [("",)]


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


def test_no_credit_no_answer_but_the_apology(house: House, brain: Brain) -> None:
    """P6: the last credit is used once; below zero there is nothing."""
    house.sql("UPDATE accounts SET credits = 1, revision = revision + 1")
    visitor = house.visitor()
    assert visitor.say("My first, credit.") == "Echo: My first, credit."
    assert visitor.say("My second, credit.").startswith("Sorry")
    assert brain.about("My second, credit.") == []
    assert house.sql("SELECT credits FROM accounts") == [(0,)]
    assert [row.amount for row in house.sql("SELECT amount FROM credit_entries")] == [-1]
    assert house.sql("SELECT error FROM turns ORDER BY id DESC LIMIT 1") == [("no credits left",)]


def test_two_turns_cannot_use_the_last_credit(house: House, brain: Brain) -> None:
    """Both begin while there is one credit; the one that records second ends in the apology."""
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
    assert reply.startswith("Sorry")
    assert house.sql("SELECT credits FROM accounts") == [(0,)]
    assert len(house.sql("SELECT id FROM credit_entries")) == 1
