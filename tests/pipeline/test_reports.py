"""F27: receipts that come twice, late, early or out of order; echoes of ours and of a person in the vendor's app."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from receptionist import Unavailable, WebhookRequest
from receptionist.db import Scope
from receptionist.models import Message
from receptionist.services.conversations import messages
from receptionist.services.strategies import assignment, strategies
from tests.harness.customers import Texter
from tests.harness.databases import first_on_both
from tests.harness.house import Customer, House
from tests.harness.instance import KEYS
from tests.servers.vendor_server import VendorServer


def report(customer: Customer, **body: Any) -> None:
    """A webhook of the vendor with these receipts or echoes."""
    data = json.dumps(body).encode()
    headers = {"x-signature": Texter.sign(data)}
    customer.house.parts.host.receive(customer.line, WebhookRequest("POST", "", headers, {}, data, "127.0.0.1"))


def asked(house: House, kind: str = "askable") -> Customer:
    """A customer who was answered once."""
    customer = house.texter(kind)
    customer.send("Do you hear me?")
    house.drain()
    return customer


def reply(house: House) -> Any:
    """The row of the one reply."""
    statement = "SELECT provider_message_id, state, delivery, code, error FROM messages WHERE direction = 'out'"
    [row] = house.sql(statement)
    return row


STATUSES = ("queued", "sent", "delivered", "read")


@first_on_both("order", list(itertools.permutations(STATUSES))[::5])
def test_receipts_only_move_forward(order: tuple[str, ...], house: House) -> None:
    customer = asked(house)
    name = reply(house).provider_message_id
    for status in order:
        report(customer, receipts=[{"status": status, "provider_message_id": name}] * 2)
    assert (reply(house).state, reply(house).delivery) == ("sent", "read")


def test_failed_is_final_unless_it_was_read(house: House) -> None:
    customer = asked(house)
    name = {"provider_message_id": reply(house).provider_message_id}
    report(customer, receipts=[{"status": "failed", **name, "code": "30003", "error": "the phone is off"}])
    assert tuple(reply(house))[1:] == ("failed", "failed", "30003", "30003: the phone is off")
    report(customer, receipts=[{"status": "delivered", **name}, {"status": "sent", **name}])
    assert reply(house).state == "failed"
    report(customer, receipts=[{"status": "read", **name}])
    assert (reply(house).state, reply(house).delivery, reply(house).error) == ("sent", "read", None)


def test_a_receipt_settles_a_send_whose_outcome_was_unknown(house: House, vendor: VendorServer) -> None:
    customer = house.texter("blind")
    vendor.fail(customer.address, "accept_then_hang")
    customer.send("Do you hear me?")
    house.drain()
    assert reply(house).state == "unknown"
    key = vendor.attempts[-1]["key"]
    report(customer, receipts=[{"status": "delivered", "key": key, "provider_message_id": "v-1"}])
    assert tuple(reply(house))[:3] == ("v-1", "sent", "delivered")


@first_on_both("word, heard", [("START", True), ("Hello?", False)])
def test_a_late_report_that_the_customer_opted_out_undoes_no_newer_start(word: str, heard: bool, house: House) -> None:
    """It speaks of when the message was sent."""
    customer = asked(house)
    name = {"provider_message_id": reply(house).provider_message_id}
    long_ago = datetime.now(UTC) - timedelta(minutes=5)
    with house.parts.database.begin() as connection:
        connection.execute(sa.update(Message).where(Message.direction == "out").values(sent_at=long_ago))
    customer.send(word)
    report(customer, receipts=[{"status": "failed", **name, "error": "opted out", "opted_out": True}])
    assert (reply(house).state, reply(house).error) == ("suppressed", "opted out")
    customer.send("And now?")
    house.drain()
    assert any("And now?" in text for text in customer.replies()) is heard


def test_an_echo_settles_a_send_whose_outcome_was_unknown(house: House, vendor: VendorServer) -> None:
    customer = house.texter("blind")
    vendor.fail(customer.address, "accept_then_hang")
    customer.send("Do you hear me?")
    house.drain()
    assert reply(house).state == "unknown"
    echo = {"provider_message_id": "v-1", "to": customer.address, "text": "Echo: Do you hear me?"}
    report(customer, echoes=[echo, echo])
    assert tuple(reply(house)) == ("v-1", "sent", None, None, None)
    assert house.sql("SELECT sent_at FROM messages WHERE direction = 'out'") != [(None,)]
    assert house.sql("SELECT person FROM conversations") == [(None,)]


def test_an_echo_tells_what_became_of_what_a_dead_worker_sent(house: House) -> None:
    customer = asked(house, "blind")
    house.sql("UPDATE messages SET state = 'sending', provider_message_id = NULL WHERE direction = 'out'")
    house.sql("UPDATE conversations SET due_at = created_at")
    echo = {"provider_message_id": "v-1", "to": customer.address, "text": "Echo: Do you hear me?"}
    report(customer, echoes=[echo])
    house.make_due()
    house.drain()
    assert tuple(reply(house))[:2] == ("v-1", "sent")
    assert customer.replies() == ["Echo: Do you hear me?"]


def test_a_receipt_that_is_quicker_than_our_mark(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The vendor reports before its own answer is read: by our key at once, by its id as soon as we know that."""
    customer = house.texter("askable")
    channel = house.parts.channels["loopback"]
    send = channel.send
    refused = []

    def send_and_report(line: Any, message: Any) -> Any:
        sent = send(line, message)
        with pytest.raises(Unavailable) as caught:
            report(customer, receipts=[{"status": "delivered", "provider_message_id": sent.provider_message_id}])
        refused.append(caught)
        report(customer, receipts=[{"status": "sent", "key": message.key, "provider_message_id": "early"}])
        return sent

    monkeypatch.setattr(channel, "send", send_and_report)
    customer.send("Do you hear me?")
    house.drain()
    assert len(refused) == 1
    assert tuple(reply(house))[:3] == ("early", "sent", "sent")


def test_receipts_of_nothing_we_know_are_passed_over(house: House) -> None:
    customer = asked(house)
    before = tuple(reply(house))
    report(customer, receipts=[{"status": "failed", "provider_message_id": "unheard-of"}])
    report(customer, receipts=[{"status": "failed", "key": "message-1-1"}])
    other = house.texter("blind")
    report(other, receipts=[{"status": "failed", "provider_message_id": before[0]}])  # another line's message
    assert tuple(reply(house)) == before


def test_trouble_with_the_line_is_shown_until_it_is_changed(house: House) -> None:
    customer = asked(house)
    name = {"provider_message_id": reply(house).provider_message_id}
    report(customer, receipts=[{"status": "failed", **name, "code": "30034", "error": "not registered", "alert": True}])
    assert house.sql("SELECT trouble FROM lines WHERE trouble IS NOT NULL") == [("not registered",)]


def test_our_own_echo_is_never_answered(house: House) -> None:
    customer = asked(house)
    echo = {"provider_message_id": reply(house).provider_message_id, "to": customer.address, "text": "whatever"}
    report(customer, echoes=[echo, echo])
    house.make_due()
    house.drain()
    assert customer.replies() == ["Echo: Do you hear me?"]
    assert len(house.sql("SELECT id FROM messages")) == 2


def test_an_echo_before_our_mark_is_ours(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    customer = house.texter("askable")
    channel = house.parts.channels["loopback"]
    send = channel.send

    def send_and_echo(line: Any, message: Any) -> Any:
        sent = send(line, message)
        echo = {"provider_message_id": sent.provider_message_id, "to": message.to, "text": message.text}
        report(customer, echoes=[echo])
        return sent

    monkeypatch.setattr(channel, "send", send_and_echo)
    customer.send("Do you hear me?")
    house.drain()
    assert house.sql("SELECT author FROM messages ORDER BY seq") == [("customer",), ("agent",)]
    assert reply(house).state == "sent"


def test_a_person_in_the_vendors_app_silences_the_agent(house: House) -> None:
    customer = asked(house)
    report(customer, echoes=[{"provider_message_id": "theirs", "to": customer.address, "text": "Ann here, I do it."}])
    customer.send("Thank you!")
    house.drain()
    assert customer.replies() == ["Echo: Do you hear me?"]
    rows = house.sql("SELECT author, state FROM messages ORDER BY seq")
    assert [tuple(row) for row in rows][2:] == [("person", "sent"), ("customer", "silent")]
    house.sql("UPDATE conversations SET person_until = created_at")
    customer.send("Are you back?")
    house.drain()
    assert customer.replies()[-1].startswith("Echo: ")


def test_a_person_who_writes_first(house: House) -> None:
    customer = house.texter("askable")
    report(customer, echoes=[{"provider_message_id": "first", "to": customer.address, "text": "We have your parcel."}])
    customer.send("Great, thanks!")
    house.drain()
    assert len(house.sql("SELECT id FROM conversations")) == 1
    assert customer.replies() == []


def test_what_is_replayed_is_a_new_message_for_the_vendor(house: House) -> None:
    """It was accepted, then reported as failed: sent again under its old key, the vendor would drop it."""
    customer = asked(house, "idempotent")
    name = {"provider_message_id": reply(house).provider_message_id}
    report(customer, receipts=[{"status": "failed", **name, "error": "the phone is off"}])
    [row] = house.sql("SELECT id FROM messages WHERE direction = 'out'")
    with house.parts.database.begin() as connection:
        messages.replay(Scope(connection, customer.line.account_id), row.id)
    house.make_due()
    house.drain()
    assert customer.replies() == ["Echo: Do you hear me?"] * 2
    assert reply(house).state == "sent"
    assert reply(house).provider_message_id != name["provider_message_id"]


def test_a_receipt_ends_the_tries(house: House, vendor: VendorServer) -> None:
    """The vendor took the message, said 500, and reports it as delivered before it is tried again."""
    customer = house.texter("askable")
    vendor.fail(customer.address, "500")
    customer.send("Do you hear me?")
    house.drain()
    key = vendor.attempts[-1]["key"]
    report(customer, receipts=[{"status": "delivered", "key": key, "provider_message_id": "taken"}])
    house.make_due()
    house.drain()
    assert customer.replies() == []
    assert tuple(reply(house))[:3] == ("taken", "sent", "delivered")


def test_an_echo_silences_the_agent_for_as_long_as_the_leads_own_strategy_says(house: House) -> None:
    customer = asked(house)
    with house.parts.database.begin() as connection:
        scope = Scope(connection, 1)
        strategies.publish(scope, "Own", strategies.parse({"hand_back_minutes": 5000}), house.factory.check)
        assignment.give_lead(scope, 1, strategies.find(scope, "Own").id, "Ann")
    customer.line = house.parts.directory.by_key("loopback", KEYS.askable, fresh=True)
    report(customer, echoes=[{"provider_message_id": "theirs", "to": customer.address, "text": "Ann here."}])
    [row] = house.sql("SELECT person_until, created_at FROM conversations WHERE person IS NOT NULL")
    until, since = (datetime.fromisoformat(str(each)) for each in row)
    assert timedelta(minutes=4990) < until - since < timedelta(minutes=5010)
