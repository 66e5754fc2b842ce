"""A line can ask for its customers to be answered one after the other, in the order in which they wrote."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from receptionist.db import Scope
from receptionist.pipeline import queueing
from receptionist.pipeline.lease import take
from tests.harness.house import House
from tests.servers.brain import Brain, Piece, Question
from tests.servers.vendor_server import VendorServer


def strict(house: House) -> House:
    """The same house, the askable line in strict order."""
    house.sql("UPDATE lines SET strict_order = true WHERE title = 'askable'")
    return house


def test_the_first_who_wrote_is_answered_first(house: House, vendor: VendorServer) -> None:
    strict(house)
    customers = [house.texter("askable") for _ in range(3)]
    for customer in customers:
        customer.send("Am I next?")
    start = len(vendor.accepted)
    house.rung.reverse()
    house.drain()
    assert [message.to for message in vendor.accepted[start:]] == [customer.address for customer in customers]


def test_nobody_is_begun_while_another_is_answered(house: House, brain: Brain) -> None:
    strict(house)
    first, second = house.texter("askable"), house.texter("askable")
    inside, go_on = threading.Event(), threading.Event()

    def reply(question: Question) -> Iterator[Piece]:
        inside.set()
        assert go_on.wait(10)
        yield "Yes."

    brain.reply = reply
    first.send("Take your time.")
    worker = threading.Thread(target=house.drain)
    worker.start()
    assert inside.wait(10)
    second.send("And me?")
    conversation = house.sql("SELECT max(id) AS id FROM conversations")[0].id
    house.runner.drain(conversation)
    assert house.sql("SELECT fence FROM conversations ORDER BY id") == [(1,), (0,)], "the second was not begun"
    go_on.set()
    worker.join(10)
    house.drain()
    assert second.replies() == ["Yes."]


def test_one_whose_vendor_fails_holds_the_others_up_until_it_is_settled(house: House, vendor: VendorServer) -> None:
    strict(house)
    first, second = house.texter("askable"), house.texter("askable")
    vendor.fail(first.address, "500")
    first.send("Am I first?")
    house.drain()
    second.send("Am I second?")
    house.drain()
    assert second.replies() == []
    house.make_due()
    house.drain()
    assert (len(first.replies()), len(second.replies())) == (1, 1)


def test_other_lines_do_not_wait(house: House, vendor: VendorServer) -> None:
    strict(house)
    first = house.texter("askable")
    vendor.fail(first.address, "500")
    first.send("Am I first?")
    house.drain()
    assert house.visitor().say("And here?") == "Echo: And here?"


def set_aside(house: House) -> tuple[int, int]:
    """Two conversations; the message of the first, who wrote first, is not to be worked on for now."""
    strict(house)
    for _ in range(2):
        house.texter("askable").send("Am I next?")
    first, second = (row.id for row in house.sql("SELECT id FROM conversations ORDER BY id"))
    house.sql("UPDATE messages SET state = 'failed' WHERE conversation_id = :id", id=first)
    house.sql("UPDATE conversations SET due_at = NULL WHERE id = :id", id=first)
    return first, second


def bring_back(house: House, conversation_id: int) -> None:
    """The message is to be worked on again: replayed, or committed later than the younger one."""
    house.sql("UPDATE messages SET state = 'waiting' WHERE conversation_id = :id", id=conversation_id)
    house.sql("UPDATE conversations SET due_at = created_at WHERE id = :id", id=conversation_id)


def test_an_older_message_that_comes_back_waits_for_the_answer_that_runs(house: House, brain: Brain) -> None:
    first, second = set_aside(house)

    def reply(question: Question) -> Iterator[Piece]:
        if not brain.about("Am I next?")[1:]:  # within the second one's answer
            bring_back(house, first)
            house.runner.drain(first)
            assert house.sql("SELECT fence FROM conversations WHERE id = :id", id=first) == [(0,)]
        yield "Yes."

    brain.reply = reply
    house.rung.clear()
    house.runner.drain(second)
    assert house.sql("SELECT fence FROM conversations ORDER BY id") == [(0,), (1,)]
    house.drain()
    assert house.sql("SELECT fence FROM conversations ORDER BY id") == [(1,), (1,)], "its turn came"


def test_two_that_begin_at_the_same_moment(house: House) -> None:
    """Neither sees the other's lease before it is committed."""
    first, second = set_aside(house)
    with house.parts.database.begin() as connection:
        lease = take(connection, second, "another worker", 30)
        assert lease is not None
        queueing.must_be_first(Scope(connection, lease.account_id), lease)
        began = threading.Event()

        def other() -> None:
            began.set()
            bring_back(house, first)
            house.runner.drain(first)

        worker = threading.Thread(target=other)
        worker.start()
        assert began.wait(5)
        worker.join(0.5)
        assert worker.is_alive(), "it waits for the line"
    worker.join(10)
    assert house.sql("SELECT fence FROM conversations ORDER BY id") == [(0,), (1,)]
