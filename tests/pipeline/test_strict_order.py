"""A line can ask for its customers to be answered one after the other, in the order in which they wrote."""

from __future__ import annotations

import threading
from collections.abc import Iterator

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
