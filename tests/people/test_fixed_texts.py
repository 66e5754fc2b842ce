"""Where no agent may answer, a fixed text does, and a person is asked for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from receptionist import Event, MessageFailed, PersonRequested
from receptionist.contracts.strategy import StrategyFields
from receptionist.db import Scope
from receptionist.services.strategies import strategies
from tests.harness.house import Customer, House, Visitor
from tests.people.conftest import Command

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ALWAYS = {day: ["00:00-24:00"] for day in DAYS}
CLOSED = "We open at nine."


def change(house: House, statement: str) -> None:
    """Change what is set up, as a service would."""
    house.sql(statement)
    house.sql("UPDATE accounts SET revision = revision + 1")


def set_active(house: House, active: bool) -> None:
    """Let the one strategy answer, or not."""
    with house.parts.database.begin() as connection:
        strategies.set_active(Scope(connection, 1), 1, active)


def somebody(house: House, kind: str) -> Customer | Visitor:
    """Somebody new: on the chat, or on a loopback line."""
    return house.visitor() if kind == "webchat" else house.texter(kind)


def write(house: House, customer: Customer | Visitor, text: str) -> None:
    """Write, and have the turn run."""
    customer.send(text)
    house.drain()


def newest(house: House) -> int:
    """The id of the newest conversation."""
    return int(house.sql("SELECT max(id) FROM conversations")[0][0])


@pytest.mark.parametrize("kind", ["webchat", "blind"])
def test_a_strategy_that_is_switched_off_leaves_a_text_and_a_person(
    kind: str, house: House, command: Command, told: list[Event]
) -> None:
    customer = somebody(house, kind)
    assert "Saved" in command("line", "set-fallback", str(customer.line.id), " We are away. ")
    set_active(house, False)
    write(house, customer, "Hello?")
    write(house, customer, "Anybody?")
    assert customer.replies() == ["We are away.", "We are away."]
    reason = "the line's strategy House is not active"
    requests = [event for event in told if isinstance(event, PersonRequested)]
    assert [(event.conversation_id, event.reason) for event in requests] == [(newest(house), reason)] * 2
    assert [event.reason for event in told if isinstance(event, MessageFailed)] == [reason] * 2
    assert "wants a person" in command("conversation", "list", "--person")
    assert reason in command("conversation", "show", str(newest(house)))
    assert command("message", "failed").count(reason) == 2
    set_active(house, True)
    questions = house.sql("SELECT id FROM messages WHERE direction = 'in' ORDER BY id")
    command("message", "replay", *(str(row.id) for row in questions))
    house.make_due()
    house.drain()
    assert customer.replies()[2:] == ["Echo: Hello? | Anybody?"]
    assert command("message", "failed") == "None.\n"


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE lines SET strategy_id = NULL", "the line has no strategy"),
        ("UPDATE strategies SET published_number = NULL", "the line's strategy House was never published"),
        ("UPDATE leads SET strategy_id = 77", "the lead's strategy does not exist"),
    ],
)
def test_the_reason_is_told_to_who_looks(statement: str, reason: str, house: House, command: Command) -> None:
    visitor = house.visitor()
    write(house, visitor, "Hello?")
    change(house, statement)
    write(house, visitor, "And now?")
    assert visitor.replies()[1:] == ["Thank you for your message. Somebody will get back to you."]
    assert reason in command("conversation", "show", str(newest(house)))


@pytest.mark.parametrize("kind", ["webchat", "askable"])
def test_outside_opening_hours_a_text_answers_once_until_the_business_opens(
    kind: str, house: House, command: Command
) -> None:
    customer = somebody(house, kind)
    house.publish(
        outside_hours="text", outside_hours_text=CLOSED, exceptions=[{"date": "2000-01-01", "hours": ["09:00-17:00"]}]
    )
    write(house, customer, "Hello?")
    write(house, customer, "Hello??")
    assert customer.replies() == [CLOSED]
    assert "wants a person" in command("conversation", "list", "--person")
    assert "[silent: outside opening hours, which was said]" in command("conversation", "show", str(newest(house)))
    assert command("message", "failed") == "None.\n"
    house.publish(opening_hours=ALWAYS)
    write(house, customer, "Open?")
    assert customer.replies() == [CLOSED, "Echo: Hello?? | Open?"]
    house.publish(opening_hours={})
    write(house, customer, "Bye!")
    assert customer.replies()[2:] == [CLOSED]


def test_the_text_is_said_again_when_the_business_was_open_in_between(house: House) -> None:
    visitor = house.visitor()
    two_days_ago = DAYS[(datetime.now(UTC) - timedelta(days=2)).weekday()]
    house.publish(outside_hours="text", outside_hours_text=CLOSED, opening_hours={two_days_ago: ["09:00-17:00"]})
    write(house, visitor, "Hello?")
    write(house, visitor, "Hello??")
    assert visitor.replies() == [CLOSED]
    long_ago = (datetime.now(UTC) - timedelta(days=4)).isoformat(sep=" ").removesuffix("+00:00")
    house.sql(f"UPDATE messages SET created_at = '{long_ago}'")
    write(house, visitor, "Hello again?")
    assert visitor.replies() == [CLOSED, CLOSED]


def test_a_text_of_several_messages_is_said_once_too(house: House) -> None:
    customer = house.texter("blind")
    text = " ".join(f"word{number}" for number in range(60))
    house.publish(
        outside_hours="text", outside_hours_text=text, exceptions=[{"date": "2000-01-01", "hours": ["09:00-17:00"]}]
    )
    write(house, customer, "Hello?")
    house.make_due()
    house.drain()
    write(house, customer, "Hello??")
    assert len(customer.replies()) == 2
    assert " ".join(customer.replies()) == text


def test_a_line_says_who_answers_and_what_is_said_when_nobody_may(house: House, command: Command) -> None:
    command("line", "set-fallback", "2", "Back on Monday.")
    shown = json.loads(command("line", "show", "2"))
    assert (shown["strategy"], shown["fallback_text"], shown["order"]) == ("House", "Back on Monday.", "conversation")
    assert shown["settings"]["secret"] == "set, not shown"
    assert "no line 99" in command("line", "set-fallback", "99", "x", fails=True)
    for wrong, length in ((" \n", 0), ("x" * 501, 501)):
        says = f"1 to 500 characters; this one has {length}"
        assert says in command("line", "set-fallback", "2", wrong, fails=True)
    assert json.loads(command("line", "show", "2"))["fallback_text"] == "Back on Monday."


def test_archived_conversations_say_when_by_whom_and_for_which_strategy(house: House, command: Command) -> None:
    visitor = house.visitor()
    write(house, visitor, "Hello?")
    assert command("conversation", "list", "--archived") == "None.\n"
    with house.parts.database.begin() as connection:
        strategies.publish(Scope(connection, 1), "Night", StrategyFields(), house.factory.check)
    visitor.send("Still there?")
    command("strategy", "use", "Night", "1")
    assert "Archived when its last work is done, since" in command("conversation", "show", str(newest(house)))
    house.drain()
    listed = command("conversation", "list", "--archived")
    shown = command("conversation", "show", str(newest(house)))
    assert "archived" in listed.splitlines()[0]
    for said in (listed.splitlines()[1].strip(), shown):
        assert "Archived since 2" in said and "by command: from House to Night." in said
