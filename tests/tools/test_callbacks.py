"""Calls that are agreed on: within opening hours, with a number, as a task that a person finds and takes off."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from receptionist.cli import main
from receptionist.testing.clock import Clock
from tests.harness.house import House

ZONE = ZoneInfo("Europe/Berlin")
WEEK = {day: ["09:00-17:00"] for day in ("monday", "tuesday", "wednesday", "thursday", "friday")}
Script = Callable[..., list[str]]


def monday(time: str = "10:30") -> str:
    """A Monday one to two weeks from now, at this time."""
    today = datetime.now(ZONE).date()
    return f"{today + timedelta(days=14 - today.weekday())}T{time}"


@pytest.fixture
def office(desk: House) -> House:
    """Open on weekdays, in Germany."""
    desk.sql("UPDATE accounts SET country = 'DE', revision = revision + 1")
    desk.publish(opening_hours=WEEK)
    return desk


@pytest.fixture
def command(office: House, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`command("task", "list")`, within this process."""
    monkeypatch.setattr("receptionist.cli.base.assembled", lambda: (office.parts, office.factory))
    return lambda *words: CliRunner().invoke(main, words, catch_exceptions=False)


def test_a_call_is_agreed_on_listed_and_done(office: House, calls: Script, command: Callable[..., Result]) -> None:
    arguments = {"when": monday(), "phone": "0170 1234567", "note": "A wedding\x1b[31m"}
    outputs = calls("schedule_callback", arguments, say="I have scheduled the callback for Monday at 10:30.")
    assert office.visitor().say("Call me on Monday").startswith("I have scheduled")
    assert '"phone": "+491701234567"' in outputs[0]
    [row] = office.sql("SELECT kind, text, turn_id FROM tasks")
    assert row.kind == "callback"
    assert row.text.startswith("Call the customer, +491701234567: A wedding")
    assert office.sql("SELECT phone FROM leads")[0].phone == "+491701234567"
    listed = command("task", "list").output
    assert f"Due Monday {monday()[:10]} 10:30." in listed
    assert "\x1b" not in listed
    assert "conversation 1 on Chat" in listed
    assert command("task", "list", "--kind", "claim").output == "None.\n"
    assert command("task", "done", "1", "--as", "Ann").output == "Task 1 is done.\n"
    assert command("task", "done", "1").output == "Task 1 was done before.\n"
    assert command("task", "list").output == "None.\n"
    assert "by Ann." in command("task", "list", "--done").output
    missing = command("task", "done", "7")
    assert (missing.exit_code, missing.output) == (1, "Error: There is no task 7.\n")


def test_another_time_takes_the_place_of_the_first(office: House, calls: Script) -> None:
    visitor = office.visitor()
    for time in ("10:30", "11:45"):
        calls("schedule_callback", {"when": monday(time), "phone": "0170 1234567", "note": None})
        visitor.say("Call me")
    [row] = office.sql("SELECT due_at FROM tasks")
    at = datetime.fromisoformat(str(row.due_at)).replace(tzinfo=ZoneInfo("UTC")).astimezone(ZONE)
    assert f"{at:%Y-%m-%dT%H:%M}" == monday("11:45")


def test_what_cannot_be_agreed_on(office: House, calls: Script) -> None:
    visitor = office.visitor()
    for when, phone, says in (
        (monday("20:00"), "0170 1234567", "closed then. It opens next on Tuesday"),
        ("2020-01-01T10:00", "0170 1234567", "This time is over"),
        ("2099-01-01T10:00", "0170 1234567", "for the next 60 days"),
        (monday(), None, "No phone number is known"),
        (monday(), "call me", "not a phone number that can be called"),
        ("soon", "0170 1234567", "Not called: when"),
        ("0001-01-01T00:00:00+14:00", "0170 1234567", "This is no time"),
        ("9999-12-31T23:59:59-14:00", "0170 1234567", "This is no time"),
    ):
        outputs = calls("schedule_callback", {"when": when, "phone": phone, "note": None})
        visitor.say("Call me")
        assert says in outputs[0]
    assert office.sql("SELECT id FROM tasks") == []


def test_many_tasks_are_paged(office: House, command: Callable[..., Result]) -> None:
    office.visitor().say("Hello")
    for number in range(55):
        office.sql(
            "INSERT INTO tasks (account_id, conversation_id, lead_id, kind, text, created_at) "
            "VALUES (1, 1, 1, 'message', :text, '2026-01-01 00:00:00.000000')",
            text=f"Task {number}",
        )
    first = command("task", "list").output
    assert first.count("conversation 1") == 50
    rest = command(*first.splitlines()[-1].removeprefix("More: receptionist ").split()).output
    assert rest.count("conversation 1") == 5


def test_a_task_survives_a_process_that_dies_within_the_call(office: House, calls: Script) -> None:
    calls("schedule_callback", {"when": monday(), "phone": "0170 1234567", "note": None})
    visitor = office.visitor()
    visitor.send("Call me")

    def die(*_: object, **__: object) -> None:
        raise SystemError("the process died")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("receptionist.pipeline.ledger.tasks.agree_callback", die)
        office.drain()
    assert office.sql("SELECT phone FROM leads")[0].phone is None
    office.make_due()
    office.drain()
    assert len(office.sql("SELECT id FROM tasks")) == 1
    assert office.sql("SELECT phone FROM leads")[0].phone == "+491701234567"


@pytest.mark.parametrize(
    "reply",
    [
        "I've noted your number, and your callback is booked for Monday at 10 am.",
        "You're down for a call on Monday at 10. Tom will ring you.",
        "Ihr Rückruf ist für Montag um 10 Uhr eingeplant.",
        "Su llamada queda agendada para el lunes a las 10:00.",
        "Votre rappel est programmé pour lundi à 10 h.",
    ],
)
def test_what_was_agreed_may_be_said_in_any_words(reply: str, office: House, calls: Script) -> None:
    calls("schedule_callback", {"when": monday(), "phone": "0170 1234567", "note": None}, say=reply)
    assert office.visitor().say("Call me on Monday at 10") == reply
    assert [row.kind for row in office.sql("SELECT kind FROM tasks")] == ["callback"]


def test_in_the_nights_in_which_clocks_change(office: House, calls: Script) -> None:
    """What is told is what is stored: a time that is skipped is told as the one that the clock shows then."""
    office.publish(tool_settings={"schedule_callback": {"any_hour": True}})
    visitor = office.visitor()
    with Clock(office.parts.database) as clock:
        for now, when, told in (
            ("2026-03-28T22:00", "2026-03-29T02:30", "Sunday 2026-03-29 03:30"),
            ("2026-10-25T02:50", "2026-10-25T02:30+01:00", "Sunday 2026-10-25 02:30"),  # the second half past two
        ):
            clock.set(datetime.fromisoformat(now).replace(tzinfo=ZONE))
            outputs = calls("schedule_callback", {"when": when, "phone": "0170 1234567", "note": None})
            visitor.say("Call me")
            assert told in outputs[0]
