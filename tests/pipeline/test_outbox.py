"""F34, F35 and P4: what becomes of a reply when the vendor refuses, fails, hangs or answers nonsense."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import sqlalchemy as sa

from receptionist import SendFailed, Sent
from receptionist.db import Scope, db_now
from receptionist.models import Conversation
from receptionist.pipeline.outbox import MAX_SENDS
from receptionist.services import lines
from tests.harness.databases import first_on_both
from tests.harness.house import Customer, House
from tests.servers.vendor_server import Failure, VendorServer

KINDS = ("askable", "idempotent", "blind")


def state(house: House) -> str:
    """The state of the one reply."""
    [row] = house.sql("SELECT state FROM messages WHERE direction = 'out'")
    return str(row.state)


def ask(customer: Customer) -> str:
    """Write once and have the turn run; the reply there should be."""
    customer.send("Do you hear me?")
    customer.house.drain()
    return "Echo: Do you hear me?"


@first_on_both("kind,failure", list(product(KINDS, ["429", "500"])))
def test_what_surely_was_not_sent_is_sent_later(
    kind: str, failure: Failure, house: House, vendor: VendorServer
) -> None:
    customer = house.texter(kind)
    vendor.fail(customer.address, failure)
    reply = ask(customer)
    assert (state(house), customer.replies()) == ("pending", [])
    with house.parts.database.read(once=True) as connection:
        row = connection.execute(sa.select(Conversation.due_at, Conversation.lease_owner, db_now().label("now"))).one()
    assert row.lease_owner is None
    assert (row.due_at - row.now).total_seconds() == pytest.approx(7 if failure == "429" else 2, abs=1)
    house.make_due()
    house.drain()
    assert (state(house), customer.replies()) == ("sent", [reply])


@first_on_both("kind", KINDS)
def test_what_the_vendor_refuses_fails_for_good(kind: str, house: House, vendor: VendorServer) -> None:
    customer = house.texter(kind)
    vendor.fail(customer.address, "400")
    ask(customer)
    assert (state(house), customer.replies()) == ("failed", [])
    assert house.sql("SELECT due_at FROM conversations") == [(None,)]
    customer.send("Still there?")
    house.drain()
    assert customer.replies() == ["Echo: Do you hear me? | Still there?"], "the model must know that it was not heard"


@first_on_both("kind,failure", list(product(KINDS, ["accept_then_cut", "accept_then_hang", "garbage"])))
def test_what_was_accepted_silently_arrives_once(
    kind: str, failure: Failure, house: House, vendor: VendorServer
) -> None:
    customer = house.texter(kind)
    vendor.fail(customer.address, failure)
    reply = ask(customer)
    house.make_due()
    house.drain()
    assert customer.replies() == [reply]
    assert state(house) == ("unknown" if kind == "blind" else "sent")


@first_on_both("kind,failure", list(product(KINDS, ["cut", "hang"])))
def test_what_was_perhaps_sent_is_never_sent_blindly(
    kind: str, failure: Failure, house: House, vendor: VendorServer
) -> None:
    customer = house.texter(kind)
    vendor.fail(customer.address, failure)
    reply = ask(customer)
    for _ in range(3):
        house.make_due()
        house.drain()
    assert customer.replies() == ([] if kind == "blind" else [reply])
    assert state(house) == ("unknown" if kind == "blind" else "sent")
    assert len([attempt for attempt in vendor.attempts if attempt["to"] == customer.address]) == (
        1 if kind == "blind" else 2
    )


def test_a_vendor_that_cannot_be_reached(open_house: Callable[..., House], unreachable: House) -> None:
    """Refused connections are tried a bounded number of times, then the message is in the failed list."""
    customer = unreachable.texter("blind")
    ask(customer)
    for attempt in range(1, MAX_SENDS):
        [row] = unreachable.sql("SELECT state, attempts FROM messages WHERE direction = 'out'")
        assert (row.state, row.attempts) == ("pending", attempt)
        unreachable.make_due()
        unreachable.drain()
    [row] = unreachable.sql("SELECT state, error FROM messages WHERE direction = 'out'")
    assert row.state == "failed"
    assert f"not sent after {MAX_SENDS} attempts: the vendor cannot be reached" in row.error
    assert unreachable.sql("SELECT due_at FROM conversations") == [(None,)]


@pytest.fixture
def unreachable(house: House, free_port: Callable[[], int]) -> House:
    """A house whose vendor is not there."""
    vendor = f"http://127.0.0.1:{free_port()}"
    with house.parts.database.begin() as connection:
        scope = Scope(connection, house.texter("askable").line.account_id)
        for row in lines.listed(scope):
            if row.channel == "loopback":
                lines.change(scope, house.parts.vault, house.parts.channels["loopback"], row.id, {"vendor": vendor})
    return house


def test_a_long_reply_arrives_in_parts_and_in_order(house: House) -> None:
    customer = house.texter()
    sentence = "The quick brown fox jumps over the lazy dog again. "
    customer.send(sentence * 20)
    house.drain()
    replies = customer.replies()
    assert len(replies) > 2
    assert all(len(reply) <= 400 for reply in replies)
    assert " ".join(replies).split() == ("Echo: " + sentence * 20).split()


def test_a_failing_part_keeps_the_order(house: House, vendor: VendorServer) -> None:
    customer = house.texter()
    vendor.fail(customer.address, "500")
    customer.send("A sentence of some words. " * 30)
    house.drain()
    assert customer.replies() == []
    house.make_due()
    house.drain()
    assert customer.replies()[0].startswith("Echo: A sentence")
    assert [row.state for row in house.sql("SELECT state FROM messages WHERE direction = 'out' ORDER BY seq")] == [
        "sent"
    ] * len(customer.replies())


def test_a_broken_channel_does_not_send_twice(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug after the vendor accepted: the outcome is unknown, and nothing is sent again."""
    channel = house.parts.channels["loopback"]
    send = type(channel).send

    def broken(self: object, line: object, message: object) -> None:
        send(channel, line, message)  # type: ignore[arg-type]
        raise KeyError("a bug")

    monkeypatch.setattr(type(channel), "send", broken)
    customer = house.texter("idempotent")
    reply = ask(customer)
    house.make_due()
    house.drain()
    assert (state(house), customer.replies()) == ("unknown", [reply])


@first_on_both("seconds", [math.nan, -5.0, math.inf])
def test_a_pause_that_is_none_leaves_nothing_lying(
    seconds: float, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P7: a channel read a header of its vendor as a number; a conversation without a due time is never looked at."""
    customer = house.texter("blind")
    channel = house.parts.channels["loopback"]

    def refuses(*_arguments: Any) -> Sent:
        raise SendFailed("too many requests", retry_after=seconds)

    customer.send("Do you hear me?")
    with monkeypatch.context() as patch:
        patch.setattr(channel, "send", refuses)
        house.drain()
    assert house.sql("SELECT state FROM messages WHERE direction = 'out'") == [("pending",)]
    house.make_due()
    house.drain()
    assert customer.replies() == ["Echo: Do you hear me?"]
