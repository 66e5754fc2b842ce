"""Writing to the customer by e-mail, and on a channel that takes texts only for a day after their last one."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from receptionist import Line
from receptionist.db import Scope
from receptionist.models import Identity
from tests.harness.elsewhere import DROP_IN, add_line, age, write
from tests.harness.house import House, Visitor
from tests.harness.instance import left_out
from tests.servers.vendor_server import VendorServer
from tests.tools.test_sending import TEXT, Script, sends, vouch


@pytest.fixture
def desk(open_house: Callable[..., House], vendor: VendorServer) -> House:
    """A house that can send letters, and write on the channel with a window."""
    names = ",".join(sorted({*left_out().split(",")} - {"lead_messages"}))
    house = open_house({"elsewhere": DROP_IN}, DISABLED_PLUGINS=names)
    house.publish(tools=["send_message"], permissions=["speaks"], burst_seconds=0)
    add_line(house, "letters", vendor)
    add_line(house, "day", vendor)
    return house


@pytest.fixture
def ann() -> str:
    """An e-mail address, another one for each test."""
    return f"ann-{uuid.uuid4().hex[:12]}@example.com"


@pytest.fixture
def known(desk: House, ann: str) -> Visitor:
    """Somebody on the web chat whose e-mail address is known to be theirs."""
    visitor = desk.visitor()
    visitor.say("Hello")
    desk.sql("UPDATE leads SET email = :email, version = version + 1", email=ann)
    vouch(desk, 1, ann, "email")
    return visitor


def day(house: House) -> Line:
    """The line on the channel with a window."""
    return house.parts.host.line("day", "day-line")


def test_a_mail_goes_to_the_address_of_the_customer(
    known: Visitor, ann: str, calls: Script, vendor: VendorServer
) -> None:
    outputs = sends(calls, channel="letters", say="I have sent it to you.")
    assert known.say("Mail me the address, please") == "I have sent it to you."
    assert '"sent": true' in outputs[0]
    assert vendor.to(ann) == [TEXT]
    rows = known.house.sql("SELECT author, address, state FROM messages WHERE text = :text", text=TEXT)
    assert rows == [("agent", ann, "sent")]


def test_without_an_address_it_is_asked_for(desk: House, calls: Script) -> None:
    visitor, outputs = desk.visitor(), sends(calls, channel="letters")
    visitor.say("Mail me")
    assert outputs == ["The customer's e-mail address is not known; ask for it and note it first."]


def test_an_address_that_was_only_typed_gets_nothing(
    desk: House, ann: str, calls: Script, vendor: VendorServer
) -> None:
    visitor = desk.visitor()
    visitor.say(f"I am {ann}")
    desk.sql("UPDATE leads SET email = :email, version = version + 1", email=ann)
    outputs = sends(calls, channel="letters")
    visitor.say("Mail me")
    assert "only typed here" in outputs[0]
    assert vendor.to(ann) == []


def test_who_refused_mails_gets_none(known: Visitor, ann: str, calls: Script, vendor: VendorServer) -> None:
    parts = known.house.parts
    with parts.database.begin() as connection:
        parts.consents.refuse(Scope(connection, 1), 1, "letters", "Ann")
    outputs = sends(calls, channel="letters")
    known.say("Mail me")
    assert outputs == ["The customer refused messages there; do not offer it again."]
    assert vendor.to(ann) == []


def test_an_address_that_said_stop_gets_none(known: Visitor, ann: str, calls: Script, vendor: VendorServer) -> None:
    """By a letter of its own, before anybody knew whose it is."""
    house = known.house
    write(house, house.parts.host.line("letters", "letters-line"), ann, "STOP")
    house.drain()
    [stopped] = house.sql("SELECT lead_id FROM conversations WHERE address = :address", address=ann)
    house.sql("DELETE FROM identities WHERE lead_id = :lead AND kind LIKE 'channel:%'", lead=stopped.lead_id)
    outputs = sends(calls, channel="letters")
    known.say("Mail me")
    assert outputs == ["The customer refused messages there; do not offer it again."]
    assert vendor.to(ann) == []


def test_a_window_that_is_over_stops_the_tool(known: Visitor, calls: Script, vendor: VendorServer) -> None:
    house, number = known.house, f"+4917{uuid.uuid4().int % 10**9:09}"
    write(house, day(house), number, "Hello from my phone")
    house.drain()
    [mine] = house.sql("SELECT lead_id FROM identities WHERE value = :number", number=number)
    for name in ("identities", "conversations", "messages"):
        house.sql(f"UPDATE {name} SET lead_id = 1 WHERE lead_id = :lead", lead=mine.lead_id)
    before = vendor.to(number)
    age(house, 24.1)
    outputs = sends(calls, channel="day")
    known.say("Text me")
    assert outputs == [
        "Day takes messages only within 24 hours of the customer's last one, and there is none that new. "
        "Nothing was sent; tell them here, or use another channel."
    ]
    assert vendor.to(number) == before
    write(house, day(house), number, "Still there?")
    house.drain()
    sends(calls, channel="day")
    known.say("Text me")
    assert vendor.to(number)[-1] == TEXT


def test_who_never_wrote_there_is_not_written_to(known: Visitor, calls: Script, vendor: VendorServer) -> None:
    """A number alone opens no window."""
    house, number = known.house, f"+4917{uuid.uuid4().int % 10**9:09}"
    house.sql("UPDATE leads SET phone = :number, version = version + 1", number=number)
    with house.parts.database.begin() as connection:
        Scope(connection, 1).insert(Identity, lead_id=1, kind="phone", value=number)
    outputs = sends(calls, channel="day")
    known.say("Text me")
    assert "Day takes messages only within 24 hours" in outputs[0]
    assert vendor.to(number) == []
