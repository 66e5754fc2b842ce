"""Writing to the customer on another channel: only to them, only where they allow it, and once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from receptionist.db import Scope
from receptionist.models import Identity
from receptionist.pipeline.post import MAX_A_DAY
from tests.harness.house import House, Visitor
from tests.servers.vendor_server import VendorServer

NUMBER = "+491701234567"
Script = Callable[..., list[str]]
TEXT = "Our address: Main Street 1"


@pytest.fixture
def phones(desk: House) -> House:
    """A house whose push channel takes phone numbers."""
    channel = desk.parts.channels["loopback"]
    channel.capabilities = dataclasses.replace(channel.capabilities, reaches="phone")  # type: ignore[misc]
    return desk


@pytest.fixture
def known(phones: House) -> Visitor:
    """Somebody on the web chat who told their number, another one for each test."""
    visitor = phones.visitor()
    visitor.say("Hello")
    phones.sql("UPDATE leads SET phone = :number, version = version + 1", number=NUMBER)
    vouch(phones, 1, NUMBER)
    return visitor


def vouch(house: House, lead_id: int, number: str, kind: str = "phone") -> None:
    """Note that the number is known to be the lead's."""
    with house.parts.database.begin() as connection:
        Scope(connection, 1).insert(Identity, lead_id=lead_id, kind=kind, value=number)


def sends(calls: Script, text: str = TEXT, channel: str = "loopback", **more: object) -> list[str]:
    return calls("send_message", {"channel": channel, "text": text}, **more)


def posted(house: House) -> list[tuple[str, str, str, str]]:
    """(author, address, text, state) of what was written elsewhere."""
    rows = house.sql(
        "SELECT author, messages.address, text, messages.state FROM messages JOIN lines ON lines.id = line_id "
        "WHERE channel = 'loopback' AND direction = 'out' ORDER BY messages.id"
    )
    return [tuple(row) for row in rows]


def test_a_text_goes_to_the_number_the_customer_gave(known: Visitor, calls: Script, vendor: VendorServer) -> None:
    house, before = known.house, len(vendor.to(NUMBER))
    outputs = sends(calls, say="I have sent it to you.")
    assert known.say("Text me the address, please") == "I have sent it to you."
    assert '"sent": true' in outputs[0]
    assert posted(house) == [("agent", NUMBER, TEXT, "sent")]
    assert vendor.to(NUMBER)[before:] == [TEXT]
    [lead] = house.sql("SELECT DISTINCT lead_id FROM conversations")
    assert lead.lead_id == 1


def test_nobody_else_can_be_named(known: Visitor, calls: Script, brain: object) -> None:
    outputs = calls("send_message", {"channel": "loopback", "text": TEXT, "to": "+491709999999"})
    known.say("Text my friend")
    assert "to: Extra inputs are not permitted" in outputs[0]
    assert posted(known.house) == []


def test_a_number_that_is_another_customers_gets_nothing(known: Visitor, calls: Script) -> None:
    house = known.house
    other = house.visitor()
    other.say("Hello")
    vouch(house, 2, NUMBER, "channel:loopback")
    outputs = sends(calls)
    known.say("Text me")
    assert "somebody else's" in outputs[0]
    assert posted(house) == []


def test_who_wrote_there_is_answered_there(phones: House, calls: Script, vendor: VendorServer) -> None:
    texter, visitor = phones.texter(), phones.visitor()
    texter.send("Hello from my phone")
    phones.drain()
    visitor.say("Hello from my desk")
    [mine] = phones.sql("SELECT lead_id FROM identities WHERE value = :address", address=texter.address)
    [desk] = phones.sql("SELECT lead_id FROM identities WHERE kind = 'channel:webchat'")
    phones.sql("UPDATE identities SET lead_id = :to WHERE lead_id = :lead", to=desk.lead_id, lead=mine.lead_id)
    sends(calls)
    visitor.say("Text me")
    assert texter.replies()[-1] == TEXT


def test_what_is_possible_is_said(known: Visitor, calls: Script) -> None:
    outputs = sends(calls, channel="email")
    known.say("Mail me")
    assert outputs == ["Nothing can be sent on 'email'. Channels to send on: loopback."]
    outputs = sends(calls, channel="webchat")
    known.say("Write to me here")
    assert "put it into your reply" in outputs[0]
    known.house.sql("UPDATE leads SET phone = NULL, version = version + 1")
    outputs = sends(calls)
    known.say("Text me")
    assert "phone number is not known; ask for it" in outputs[0]
    assert posted(known.house) == []


def test_who_refused_messages_gets_none(known: Visitor, calls: Script) -> None:
    house = known.house
    with house.parts.database.begin() as connection:
        house.parts.consents.refuse(Scope(connection, 1), 1, "loopback", "Ann")
    outputs = sends(calls)
    known.say("Text me")
    assert outputs == ["The customer refused messages there; do not offer it again."]
    assert posted(house) == []


def test_a_refusal_that_comes_before_it_goes_out(known: Visitor, calls: Script, vendor: VendorServer) -> None:
    house, before = known.house, len(vendor.to(NUMBER))
    sends(calls)
    known.send("Text me")
    house.runner.drain(house.rung.pop(0))  # the turn, and not yet what it rang for
    assert posted(house) == [("agent", NUMBER, TEXT, "pending")]
    with house.parts.database.begin() as connection:
        house.parts.consents.opt_out(Scope(connection, 1), "loopback", NUMBER, 1)
    house.drain()
    assert posted(house) == [("agent", NUMBER, TEXT, "suppressed")]
    assert vendor.to(NUMBER)[before:] == []


def test_lies_are_not_sent(known: Visitor, calls: Script) -> None:
    outputs = sends(calls, text="You are booked in for Friday at 3 pm.")
    known.say("Confirm it by text")
    assert "it says what no tool did: You are booked in for Friday at 3 pm." in outputs[0]
    assert posted(known.house) == []


def test_nobody_is_flooded(known: Visitor, calls: Script) -> None:
    outputs = sends(calls, times=4)
    known.say("Text me")
    known.say("And again")
    assert "sent enough for today" in outputs[-1]
    assert len(posted(known.house)) == MAX_A_DAY


@pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
def test_once_though_the_process_dies_after_the_call(known: Visitor, calls: Script, vendor: VendorServer) -> None:
    """Between the ledger and the send, and before the reply is recorded."""
    house, before = known.house, len(vendor.to(NUMBER))
    sends(calls)
    known.send("Text me")

    def die(*_: object, **__: object) -> None:
        raise SystemError("the process died")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("receptionist.pipeline.turn.record", die)
        patch.setattr(house.parts, "ring", lambda conversation_id: None)
        house.drain()
    assert posted(house) == [("agent", NUMBER, TEXT, "pending")]
    calls("send_message", {}, times=0)
    house.make_due()
    house.drain()
    house.make_due()
    house.drain()
    assert vendor.to(NUMBER)[before:] == [TEXT]
    assert known.replies()[-1] == "Fine."


def test_once_though_the_process_dies_within_the_call(known: Visitor, calls: Script, vendor: VendorServer) -> None:
    house, before = known.house, len(vendor.to(NUMBER))
    sends(calls)
    known.send("Text me")

    def die(*_: object, **__: object) -> None:
        raise SystemError("the process died")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("receptionist.pipeline.ledger.Ledger.finish", die)
        house.drain()
    assert posted(house) == []
    calls("send_message", {}, times=0)
    house.make_due()
    house.drain()
    assert vendor.to(NUMBER)[before:] == [TEXT]


def test_a_number_that_was_only_typed_gets_nothing(phones: House, calls: Script) -> None:
    visitor = phones.visitor()
    visitor.say("My number is " + NUMBER)
    phones.sql("UPDATE leads SET phone = :number, version = version + 1", number=NUMBER)
    outputs = sends(calls)
    visitor.say("Text me")
    assert "only typed here" in outputs[0]
    assert posted(phones) == []
    phones.publish(tool_settings={"send_message": {"typed_addresses": True}})
    sends(calls)
    visitor.say("Text me")
    assert [row[1] for row in posted(phones)] == [NUMBER]


def test_nobody_floods_a_number_as_many_visitors(phones: House, calls: Script) -> None:
    phones.publish(tool_settings={"send_message": {"typed_addresses": True}})
    for _ in range(MAX_A_DAY + 1):
        visitor = phones.visitor()
        visitor.send("Text me")
        phones.sql("UPDATE leads SET phone = :number, version = version + 1", number=NUMBER)
        outputs = sends(calls)
        phones.drain()
    assert "sent enough for today" in outputs[0]
    assert len(posted(phones)) == MAX_A_DAY


def test_an_account_sends_only_so_many(known: Visitor, calls: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receptionist.pipeline.post.MAX_ACCOUNT_A_DAY", 1)
    outputs = sends(calls)
    known.say("Text me")
    vouch(known.house, 1, "+491701111111", "channel:loopback")
    known.say("Text me on my other phone")
    assert "sent enough for today" in outputs[0]
    assert len(posted(known.house)) == 1


def test_it_goes_where_it_was_allowed_to_go(phones: House, calls: Script, vendor: VendorServer) -> None:
    """Also where the customer wrote on that line from another address before."""
    texter, visitor = phones.texter(), phones.visitor()
    texter.send("Hello from my old phone")
    phones.drain()
    new = f"{texter.address}-new"
    visitor.say("Hello from my desk")
    [old] = phones.sql("SELECT lead_id FROM identities WHERE value = :address", address=texter.address)
    phones.sql("UPDATE conversations SET lead_id = :lead WHERE lead_id <> :lead", lead=old.lead_id)
    phones.sql("UPDATE messages SET lead_id = :lead", lead=old.lead_id)
    phones.sql("UPDATE identities SET lead_id = :lead", lead=old.lead_id)
    vouch(phones, old.lead_id, new, "channel:loopback")
    sends(calls)
    visitor.say("Text me")
    assert vendor.to(new) == [TEXT]
    assert TEXT not in texter.replies()
