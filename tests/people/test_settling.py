"""What waits or failed: listed, shown with all one needs to decide, replayed, or settled by a person."""

from __future__ import annotations

import pytest

from tests.harness.house import Customer, House
from tests.people.conftest import Command
from tests.servers.brain import Brain, Fails
from tests.servers.vendor_server import VendorServer


def state(house: House, message_id: int) -> str:
    """The state of a message."""
    [row] = house.sql("SELECT state FROM messages WHERE id = :id", id=message_id)
    return str(row.state)


def work(house: House) -> None:
    """Let a server do what is due."""
    house.make_due()
    house.drain()


def refused(house: House, vendor: VendorServer) -> Customer:
    """A customer whose answer, message 2, the vendor refused."""
    customer = house.texter("blind")
    vendor.fail(customer.address, "400")
    customer.send("Hello?")
    house.drain()
    assert state(house, 2) == "failed"
    return customer


def in_doubt(house: House, vendor: VendorServer) -> Customer:
    """A customer of whose answer, message 2, nobody knows whether it was sent; it was."""
    customer = house.texter("blind")
    vendor.fail(customer.address, "accept_then_hang")
    customer.send("Hello?")
    house.drain()
    assert state(house, 2) == "unknown"
    return customer


def unanswered(house: House, brain: Brain) -> Customer:
    """A customer whose message, number 1, got the apology, number 2."""
    customer = house.texter("blind")
    brain.reply = lambda question: [Fails("the model is broken")]
    customer.send("Hello?")
    house.drain()
    brain.forget()
    assert (state(house, 1), state(house, 2)) == ("failed", "sent")
    return customer


def test_a_refused_message_is_shown_and_sent_again(house: House, vendor: VendorServer, command: Command) -> None:
    customer = refused(house, vendor)
    listed = command("message", "failed")
    assert "out failed   conversation 1: [400] the vendor refused with 400" in listed
    shown = command("message", "show", "2")
    for fact in (
        "Echo: Hello?",
        f"1 on blind, to {customer.address}",
        "attempts:      1",
        "vendor's code: 400",
        "replay",
    ):
        assert fact in shown
    said = command("message", "replay", "2")
    assert said.startswith("Message 2 is pending again.\n") and "within 0.3 seconds" in said
    assert command("message", "failed") == "None.\n"
    work(house)
    assert customer.replies() == ["Echo: Hello?"]
    assert "vendor's id:   vendor-message-2-" in command("message", "show", "2")
    assert "is sent, not in the list" in command("message", "replay", "2", fails=True)


def test_an_unanswered_message_is_answered_anew(house: House, brain: Brain, command: Command) -> None:
    customer = unanswered(house, brain)
    assert "in  failed   conversation 1: the model is broken" in command("message", "failed")
    assert "It could not be answered" in command("message", "show", "1")
    assert "is waiting again" in command("message", "replay", "1")
    work(house)
    assert customer.replies()[-1] == "Echo: Hello?"
    assert state(house, 1) == "answered"


@pytest.mark.parametrize(("outcome", "becomes"), [("sent", "sent"), ("not-sent", "suppressed")])
def test_a_message_in_doubt_is_settled(
    outcome: str, becomes: str, house: House, vendor: VendorServer, command: Command
) -> None:
    customer = in_doubt(house, vendor)
    assert "It was perhaps sent" in command("message", "show", "2")
    assert f"Message 2 is {becomes} now" in command("message", "settle", "2", outcome)
    work(house)
    assert len(customer.replies()) == 1, "settling sends nothing"
    assert command("message", "failed") == "None.\n"
    assert "settled by a person; before: unknown: " in command("message", "show", "2")
    assert f"is {becomes}, not in the list" in command("message", "settle", "2", outcome, fails=True)


def test_a_message_in_doubt_is_sent_twice_if_a_person_says_so(
    house: House, vendor: VendorServer, command: Command
) -> None:
    customer = in_doubt(house, vendor)
    assert "sent before" not in command("message", "show", "2")
    command("message", "replay", "2")
    work(house)
    assert customer.replies() == ["Echo: Hello?"] * 2
    shown = command("message", "show", "2")
    assert "state:         sent\n" in shown and "the customer may have got it already" in shown
    assert "[sent, perhaps sent before]" in command("conversation", "show", "1")


def test_what_was_in_doubt_once_stays_so_whatever_becomes_of_it_then(
    house: House, vendor: VendorServer, command: Command
) -> None:
    customer = in_doubt(house, vendor)
    vendor.fail(customer.address, "400")
    command("message", "replay", "2")
    work(house)
    assert command("message", "failed").endswith("(perhaps sent before)\n")
    command("message", "replay", "2")
    customer.send("STOP")
    work(house)
    assert state(house, 2) == "suppressed"
    assert "the customer may have got it already" in command("message", "show", "2")


def test_an_unanswered_message_is_given_up(house: House, brain: Brain, command: Command) -> None:
    customer = unanswered(house, brain)
    assert "never sent" in command("message", "settle", "1", "sent", fails=True)
    assert "is silent now" in command("message", "settle", "1", "not-sent")
    work(house)
    assert len(customer.replies()) == 1
    assert len(brain.questions) == 0


@pytest.mark.parametrize("outcome", ["sent", "not-sent"])
def test_a_refused_message_is_settled(outcome: str, house: House, vendor: VendorServer, command: Command) -> None:
    refused(house, vendor)
    command("message", "settle", "2", outcome)
    assert state(house, 2) == {"sent": "sent", "not-sent": "suppressed"}[outcome]


STATES = [
    *(("in", name) for name in ("waiting", "answered", "silent")),
    *(("out", name) for name in ("pending", "sending", "sent", "suppressed")),
]


@pytest.mark.parametrize(("direction", "name"), STATES)
def test_what_did_not_fail_is_neither_replayed_nor_settled(
    direction: str, name: str, house: House, command: Command
) -> None:
    house.texter("blind").send("Hello?")
    house.drain()
    [row] = house.sql(
        "UPDATE messages SET state = :state WHERE direction = :way RETURNING id", state=name, way=direction
    )
    number = str(row.id)
    for arguments in (("replay", number), ("settle", number, "sent"), ("settle", number, "not-sent")):
        assert f"Message {number} is {name}, not in the list" in command("message", *arguments, fails=True)
    assert state(house, row.id) == name
    assert f"state:         {name}\n" in command("message", "show", number)


def test_several_are_replayed_together_or_not_at_all(house: House, vendor: VendorServer, command: Command) -> None:
    customers = [house.texter("askable") for _ in range(3)]
    for customer in customers:
        vendor.fail(customer.address, "400")
        customer.send("Hello?")
        house.drain()
    failed = [str(row.id) for row in house.sql("SELECT id FROM messages WHERE state = 'failed'")]
    assert "no message 99" in command("message", "replay", *failed, "99", fails=True)
    assert len(house.sql("SELECT id FROM messages WHERE state = 'failed'")) == 3
    command("message", "replay", *failed, failed[0])
    work(house)
    assert [customer.replies() for customer in customers] == [["Echo: Hello?"]] * 3


def test_what_nobody_would_answer_is_not_replayed(house: House, brain: Brain, command: Command) -> None:
    customer = unanswered(house, brain)
    command("conversation", "take", "1", "--as", "Ann")
    assert "Ann has conversation 1" in command("message", "replay", "1", fails=True)
    command("conversation", "hand-back", "1")
    customer.send("STOP")
    house.drain()
    said = command("message", "replay", "1", fails=True)
    assert "opted out" in said and "not sent" in said
    assert state(house, 1) == "failed"
    command("message", "settle", "1", "not-sent")


def test_a_persons_own_message_is_replayed_while_they_have_it(
    house: House, vendor: VendorServer, command: Command
) -> None:
    customer = house.texter("blind")
    customer.send("Hello?")
    house.drain()
    vendor.fail(customer.address, "400")
    command("conversation", "reply", "1", "Ann here.", "--as", "Ann")
    work(house)
    assert "by the person" in command("message", "show", "3")
    command("message", "replay", "3")
    work(house)
    assert customer.replies() == ["Echo: Hello?", "Ann here."]


def test_a_message_of_nobody_is_named(house: House, command: Command) -> None:
    for arguments in (("show", "7"), ("replay", "7"), ("settle", "7", "sent")):
        assert command("message", *arguments, fails=True) == "Error: There is no message 7.\n"


def test_another_accounts_messages_are_not_there(house: House, vendor: VendorServer, command: Command) -> None:
    refused(house, vendor)
    command("account", "add", "Neighbour")
    for arguments in (("show", "2"), ("replay", "2"), ("settle", "2", "sent")):
        assert "no message 2" in command("message", *arguments, "--account", "Neighbour", fails=True)
    for arguments in (("reply", "1", "Hello"), ("take", "1"), ("hand-back", "1"), ("show", "1")):
        assert "no conversation 1" in command("conversation", *arguments, "--account", "Neighbour", fails=True)
    assert command("message", "failed", "--account", "Neighbour") == "None.\n"
    assert state(house, 2) == "failed"


def test_a_lines_trouble_and_order_are_shown_and_changed(house: House, vendor: VendorServer, command: Command) -> None:
    customer = house.texter("askable")
    vendor.fail(customer.address, "403")
    customer.send("Hello?")
    house.drain()
    number = str(customer.line.id)
    assert "trouble: the vendor refused with 403" in command("line", "list")
    assert '"trouble": "the vendor refused with 403"' in command("line", "show", number)
    command("line", "set-order", number, "strict")
    assert "(strict order)" in command("line", "list")
    assert '"order": "strict"' in command("line", "show", number)
    command("line", "set-order", number, "conversation")
    assert '"order": "conversation"' in command("line", "show", number)
    command("line", "set", number, "kind=askable")
    assert "trouble:" not in command("line", "list"), "a change of its settings clears it"
    assert "no line 99" in command("line", "set-order", "99", "strict", fails=True)
