"""A vendor that takes texts only so long after the customer's last message is asked for nothing later."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from receptionist import Line
from receptionist.cli import main
from receptionist.db import Scope
from receptionist.services.conversations import handover, messages, reply_window
from tests.harness.elsewhere import DROP_IN, add_line, age, write
from tests.harness.house import House
from tests.servers.vendor_server import VendorServer

RULE = "Day takes messages only within 24 hours of the customer's last one, and there is none that new."


@pytest.fixture
def house(open_house: Callable[..., House]) -> House:
    """A house with a channel that has a window of a day."""
    return open_house({"elsewhere": DROP_IN})


@pytest.fixture
def line(house: House, vendor: VendorServer) -> Line:
    """A line on it."""
    return add_line(house, "day", vendor)


@pytest.fixture
def customer() -> str:
    """An address on it."""
    return f"day-{uuid.uuid4().hex[:12]}"


def sent(house: House) -> list[tuple[str, str | None]]:
    """(state, error) of all replies."""
    return [tuple(row) for row in house.sql("SELECT state, error FROM messages WHERE direction = 'out' ORDER BY seq")]


def replies_later(house: House, line: Line, customer: str, vendor: VendorServer, hours: float) -> None:
    """A reply that the vendor turned away at first, so many hours after the question."""
    vendor.fail(customer, "429")
    write(house, line, customer, "Are you open?")
    house.drain()
    assert [state for state, _ in sent(house)] == ["pending"]
    age(house, hours)
    house.make_due()
    house.drain()


@pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
def test_a_reply_that_became_too_late_is_not_sent(
    house: House, line: Line, customer: str, vendor: VendorServer
) -> None:
    replies_later(house, line, customer, vendor, hours=24.1)
    assert sent(house) == [("failed", f"too late: {RULE}")]
    assert len([attempt for attempt in vendor.attempts if attempt["to"] == customer]) == 1
    with house.parts.database.read() as connection:
        [listed] = messages.in_trouble(Scope(connection, 1))
    assert listed.error == f"too late: {RULE}"
    assert house.sql("SELECT due_at FROM conversations") == [(None,)]
    write(house, line, customer, "Hello?")
    house.drain()
    assert vendor.to(customer) == ["Echo: Are you open? | Hello?"]


def test_until_then_it_is_sent(house: House, line: Line, customer: str, vendor: VendorServer) -> None:
    replies_later(house, line, customer, vendor, hours=23.9)
    assert sent(house) == [("sent", None)]
    assert vendor.to(customer) == ["Echo: Are you open?"]


@pytest.mark.parametrize("hours", [-25, 48])
def test_what_counts_is_when_the_customer_wrote(
    house: House, line: Line, customer: str, vendor: VendorServer, hours: int
) -> None:
    """A webhook that comes late opens nothing, and a vendor's clock that is ahead does not prolong the window."""
    write(house, line, customer, "Are you open?", datetime.now(UTC) + timedelta(hours=hours))
    if hours > 0:
        age(house, 24.1)
    house.drain()
    assert sent(house) == [("failed", f"too late: {RULE}")]
    assert vendor.to(customer) == []
    write(house, line, customer, "Hello?", datetime.now(UTC))
    house.drain()
    assert len(vendor.to(customer)) == 1


def test_another_customers_message_opens_nothing(house: House, line: Line, customer: str, vendor: VendorServer) -> None:
    vendor.fail(customer, "429")
    write(house, line, customer, "Are you open?")
    house.drain()
    age(house, 24.1)
    write(house, line, f"{customer}-other", "Hello?")
    house.make_due()
    house.drain()
    assert vendor.to(customer) == []
    assert vendor.to(f"{customer}-other") == ["Echo: Hello?"]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
def test_a_word_before_many_of_ours_keeps_it_open(
    house: House, line: Line, customer: str, vendor: VendorServer
) -> None:
    write(house, line, customer, "Are you open?")
    house.drain()
    with house.parts.database.begin() as connection:
        scope = Scope(connection, 1)
        channel = house.parts.channels[line.channel]
        for number in range(2 * reply_window.PAGE):
            handover.add_message(scope, 1, f"Offer {number}", state="sent")
        assert reply_window.is_open(scope, channel, line.id, 1, customer)
        assert not reply_window.is_open(scope, channel, line.id, 1, f"{customer}-other")


def test_a_long_conversation_is_judged_as_fast_as_a_short_one(house: House, line: Line, customer: str) -> None:
    """Counted in steps of SQLite, which differ from run to run no more than the rows do."""
    write(house, line, customer, "Are you open?")
    house.drain()
    house.sql("UPDATE messages SET created_at = '2025-01-01'")
    steps = []
    for more in (2 * reply_window.PAGE, 2000):
        house.sql(
            "INSERT INTO messages (account_id, conversation_id, lead_id, line_id, seq, direction, address, author, "
            "kind, text, state, attempts, created_at) "
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :n) SELECT 1, 1, 1, :line, "
            "10 * :n + i, 'in', :to, 'customer', 'text', 'Hi', 'answered', 0, '2026-01-01' FROM n",
            n=more,
            line=line.id,
            to=customer,
        )
        with house.parts.database.read() as connection:
            counted = [0]
            raw = connection.connection.dbapi_connection
            raw.set_progress_handler(lambda counted=counted: counted.append(0), 1)
            channel = house.parts.channels[line.channel]
            assert not reply_window.is_open(Scope(connection, 1), channel, line.id, 1, customer)
            raw.set_progress_handler(None, 1)
        steps.append(len(counted))
    assert steps[1] < 1.2 * steps[0], steps


def test_a_person_is_told_what_to_do(
    house: House, line: Line, customer: str, vendor: VendorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("receptionist.cli.base.assembled", lambda: (house.parts, house.factory))
    reply = ["conversation", "reply", "1", "We are open now.", "--as", "Ann"]
    write(house, line, customer, "Are you open?")
    house.drain()
    age(house, 24.1)
    result = CliRunner().invoke(main, reply)
    assert result.exit_code == 1
    assert result.output == (
        f"Error: {RULE} Wait until the customer writes again, or reach them another way: "
        "`receptionist lead show 1` says how.\n"
    )
    assert len(sent(house)) == 1
    assert house.sql("SELECT person FROM conversations") == [(None,)], "the agent goes on"
    write(house, line, customer, "Hello?")
    house.drain()
    assert CliRunner().invoke(main, reply).exit_code == 0
    house.make_due()
    house.drain()
    assert vendor.to(customer)[-1] == "We are open now."


def test_other_channels_have_none(house: House, vendor: VendorServer) -> None:
    texter = house.texter()
    vendor.fail(texter.address, "429")
    texter.send("Are you open?")
    house.drain()
    age(house, 10_000)
    house.make_due()
    house.drain()
    assert texter.replies() == ["Echo: Are you open?"]
