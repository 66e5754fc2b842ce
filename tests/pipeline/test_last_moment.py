"""P1, P3, P4: what happens between an answer and its record, or between its record and its way out, still counts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from receptionist import Inbound, Sender
from receptionist.db import Scope
from receptionist.pipeline import turn
from receptionist.pipeline.intake import Stale
from receptionist.services import accounts
from receptionist.services.conversations import handover, messages, sessions
from tests.harness.house import House
from tests.harness.waiting import eventually
from tests.pipeline.test_lease import lapse
from tests.pipeline.test_reports import report
from tests.servers.vendor_server import VendorServer

BOOKS = 'call book {"what": "a table"}.'


def take(house: House) -> None:
    """A person takes the conversation."""
    with house.parts.database.begin() as connection:
        handover.take(Scope(connection, 1), 1, "Ann", 60)


def refuse(house: House) -> None:
    """The customer told a person that they want no more messages."""
    with house.parts.database.begin() as connection:
        for channel in ("webchat", "loopback"):
            house.parts.consents.refuse(Scope(connection, 1), 1, channel, "Ann")


def around_record(monkeypatch: pytest.MonkeyPatch, before: Callable[[], Any], after: Callable[[], Any]) -> None:
    """Something happens right before the first turn is recorded, and right after."""
    record, calls = turn.record, [before, after]

    def in_between(*arguments: Any, **more: Any) -> Any:
        if calls:
            calls.pop(0)()
        recorded = record(*arguments, **more)
        if calls:
            calls.pop(0)()
        return recorded

    monkeypatch.setattr(turn, "record", in_between)


def nothing() -> None:
    """Nothing happens."""


@pytest.mark.parametrize("kind", ["visitor", "texter"])
@pytest.mark.parametrize("silences", [take, refuse])
def test_who_silences_the_agent_before_the_answer_is_recorded_is_heeded(
    house: House, monkeypatch: pytest.MonkeyPatch, kind: str, silences: Callable[[House], None]
) -> None:
    """It acted, so it is not begun anew; where recording is delivering nobody else would look."""
    customer = getattr(house, kind)()
    customer.send(BOOKS)
    around_record(monkeypatch, lambda: silences(house), nothing)
    house.drain()
    assert house.sql("SELECT state FROM messages WHERE direction = 'out'") == [("suppressed",)]
    assert customer.replies() == []


@pytest.mark.parametrize("kind", ["visitor", "texter"])
def test_a_message_before_the_record_of_an_answer_that_acted_is_answered_next(
    house: House, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    customer = getattr(house, kind)()
    customer.send(BOOKS)
    around_record(monkeypatch, lambda: customer.send("And are you open?"), nothing)
    house.runner.drain(house.rung.pop(0))
    assert customer.replies()[-1] == "Echo: And are you open?"
    assert house.sql("SELECT due_at, lease_owner FROM conversations") == [(None, None)]
    assert house.sql("SELECT count(DISTINCT ticket) FROM turns") == [(2,)], "who watches tells one from the other"


def test_a_person_who_comes_before_the_answer_is_marked_as_being_sent_stops_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = house.texter("blind")
    customer.send("Are you open?")
    around_record(monkeypatch, nothing, lambda: take(house))
    house.drain()
    assert customer.replies() == []
    assert house.sql("SELECT state FROM messages WHERE direction = 'out'") == [("suppressed",)]


def test_who_slept_through_the_lease_before_sending_looks_once_more(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F30: the customer refused messages meanwhile."""
    customer = house.texter("askable")
    customer.send("Are you open?")

    def sleeps() -> None:
        lapse(house)
        refuse(house)

    around_record(monkeypatch, nothing, sleeps)
    house.drain()
    assert customer.replies() == []
    assert house.sql("SELECT state FROM messages WHERE direction = 'out'") == [("suppressed",)]


def test_what_a_vendor_reports_right_before_the_next_try_is_not_sent_again(
    house: House, vendor: VendorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It said that it failed, and delivered it."""
    customer = house.texter("blind")
    vendor.fail(customer.address, "500")
    customer.send("Are you open?")
    house.drain()
    key = vendor.attempts[-1]["key"]
    outbox = house.runner.drain._outbox
    too_late = outbox._too_late

    def reported(*arguments: Any, **more: Any) -> Any:
        report(customer, receipts=[{"status": "delivered", "key": key, "provider_message_id": "v-1"}])
        return too_late(*arguments, **more)

    monkeypatch.setattr(outbox, "_too_late", reported)
    tries = len(vendor.attempts)
    house.make_due()
    house.drain()
    assert len(vendor.attempts) == tries
    assert house.sql("SELECT state FROM messages WHERE direction = 'out'") == [("sent",)]
    assert house.sql("SELECT due_at, lease_owner FROM conversations") == [(None, None)]


@pytest.mark.parametrize("kind", ["visitor", "texter"])
def test_what_a_person_has_tried_again_meanwhile_is_answered_by_who_is_at_work(
    house: House, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Nobody else looks for it: the conversation had work already."""
    customer = getattr(house, kind)()
    customer.send("Who was missed?")
    house.drain()
    house.sql("UPDATE messages SET state = 'failed' WHERE seq = 1")
    customer.send(BOOKS)

    def replay() -> None:
        with house.parts.database.begin() as connection:
            messages.replay(Scope(connection, 1), 1)

    around_record(monkeypatch, replay, nothing)
    house.runner.drain(house.rung.pop(0))
    states = house.sql("SELECT state FROM messages WHERE direction = 'in' ORDER BY seq")
    assert [row.state for row in states] == ["answered", "answered"]
    assert house.sql("SELECT due_at, lease_owner FROM conversations") == [(None, None)]


def test_who_writes_while_a_reply_waits_for_its_next_try_brings_it_on_no_sooner(
    house: House, vendor: VendorServer
) -> None:
    """A customer who asks again and again would use up all tries while the vendor is away."""
    customer = house.texter("blind")
    vendor.fail(customer.address, "500")
    customer.send("Are you open?")
    house.drain()
    [due] = house.sql("SELECT due_at FROM conversations")
    assert due.due_at is not None
    customer.send("Hello?")
    assert house.sql("SELECT due_at FROM conversations") == [due]


def test_a_message_is_not_stored_by_what_was_known_of_a_line_before_it_changed(house: House) -> None:
    """It was verified with secrets that may be others by now."""
    customer = house.texter()
    customer.send("Are you open?")
    with house.parts.database.begin() as connection:
        accounts.touch(Scope(connection, 1))
    for address in (customer.address, "somebody new"):
        with pytest.raises(Stale):
            house.parts.host.take_in(customer.line, [Inbound("id-2", Sender(address), "Hello?")])
    assert house.sql("SELECT count(*) FROM messages") == [(1,)]


def test_the_last_credit_is_not_used_twice(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """P6: another conversation used it up after this answer was begun."""
    with house.parts.database.begin() as connection:
        accounts.add_credits(Scope(connection, 1), 1, "bought")
    visitor = house.visitor()
    visitor.send("Are you open?")
    around_record(monkeypatch, lambda: house.sql("UPDATE accounts SET credits = 0"), nothing)
    house.drain()
    assert house.sql("SELECT credits FROM accounts WHERE id = 1") == [(0,)]
    assert house.sql("SELECT amount FROM credit_entries WHERE amount < 0") == []
    assert house.sql("SELECT state, error FROM turns") == [("failed", "no credits left")]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_message_that_is_tried_again_as_a_worker_comes_is_not_hidden_by_the_summary(house: House) -> None:
    """P7: the worker waited for who had it tried again, and was told of the session as it was before."""
    visitor = house.visitor()
    visitor.say("Who was missed?")
    house.sql("UPDATE messages SET state = 'failed' WHERE seq = 1")
    with house.parts.database.begin() as connection:
        sessions.change(Scope(connection, 1), 1, lambda state: sessions.with_summary(state, "They said hello.", 2))
    visitor.say("Are you open?")
    visitor.send("And tomorrow?")
    worker = threading.Thread(target=house.drain)
    with house.parts.database.begin() as connection:
        messages.replay(Scope(connection, 1), 1)
        worker.start()
        eventually(lambda: house.sql("SELECT 1 FROM pg_locks WHERE NOT granted"))
    worker.join(10)
    states = house.sql("SELECT state FROM messages WHERE direction = 'in' ORDER BY seq")
    assert [row.state for row in states] == ["answered"] * 3
