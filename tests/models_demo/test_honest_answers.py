"""The demo answers what was asked, or says that it cannot: it never tells something else instead."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest

from plugins.demo_model.dates import easter, read_days
from plugins.demo_model.languages import foreign_language
from receptionist.contracts.opening_hours import DayException
from tests.models_demo.talk import Talk

FRIDAY = date(2026, 11, 20)
EVENING = timedelta(hours=7)
CHRISTMAS = DayException(date=date(2026, 12, 25), reason="Christmas")


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("today or tomorrow", ["11-20", "11-21"]),
        ("the day after tomorrow", ["11-22"]),
        ("on Friday", ["11-20"]),
        ("next Friday", ["11-27"]),
        ("next Tuesday", ["11-24"]),
        ("next Saturday", ["11-21", "11-28"]),
        ("on Sat", ["11-21"]),
        ("this weekend", ["11-21", "11-22"]),
        ("25 December", ["12-25"]),
        ("the 25th of December 2026", ["12-25"]),
        ("Friday, 25 December", ["12-25"]),
        ("Dec 25", ["12-25"]),
        ("25.12.", ["12-25"]),
        ("25.12.2026?", ["12-25"]),
        ("25/12", ["12-25"]),
        ("12/25", ["12-25"]),
        ("2026-12-25", ["12-25"]),
        ("on Friday the 27th", ["11-27"]),
        ("in two weeks", ["12-04"]),
        ("Christmas Day", ["12-25"]),
        ("on Christmas", ["12-25"]),
        ("at Christmas", ["12-24", "12-25", "12-26"]),
        ("xmas eve", ["12-24"]),
        ("New Year’s Eve", ["12-31"]),
        ("St. Stephen's Day", ["12-26"]),
        ("boxing day", ["12-26"]),
        ("24/7", []),
        ("at 10.30", []),
        ("may I come", []),
    ],
)
def test_days_are_understood(text: str, days: list[str]) -> None:
    found = read_days(text, FRIDAY)
    assert [day.isoformat() for day in found.dates] == [f"2026-{day}" for day in days]
    assert not found.unclear


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("New Year's Day", date(2027, 1, 1)),
        ("on the first of nothing, easter sunday", date(2027, 3, 28)),
        ("Easter Monday", date(2027, 3, 29)),
        ("good friday", date(2027, 3, 26)),
        ("5 March", date(2027, 3, 5)),
        ("29 February", date(2028, 2, 29)),
    ],
)
def test_days_of_the_next_year_are_understood(text: str, day: date) -> None:
    assert read_days(text, FRIDAY).dates == [day]


@pytest.mark.parametrize(
    ("year", "day"), [(2024, (3, 31)), (2025, (4, 20)), (2026, (4, 5)), (2038, (4, 25)), (2285, (3, 22))]
)
def test_easter(year: int, day: tuple[int, int]) -> None:
    assert easter(year) == date(year, *day)


@pytest.mark.parametrize(
    "question",
    [
        "Are you open on Diwali?",
        "open on 31 February?",
        "are you open on Thanksgiving?",
        "open on Mother's Day?",
        "are you open on bank holidays?",
        "what are your hours in July?",
    ],
)
def test_a_day_that_is_not_understood_is_not_guessed(question: str) -> None:
    answer = Talk().say(question)
    assert answer.startswith("I did not understand which day you mean.")
    assert "\nMonday: closed\n" in answer
    assert "right now" not in answer


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Are you open on Christmas Day?", "On Friday 25 December we are closed (Christmas)."),
        ("open next Tuesday?", "On Tuesday 24 November we are open 09:00–12:30 and 13:30–18:00."),
        ("are you open the day after tomorrow?", "On Sunday 22 November we are closed."),
        ("are you open on 25.12.2026?", "On Friday 25 December we are closed (Christmas)."),
        ("were you open yesterday?", "Thursday 19 November 2026 is past."),
        ("were you open on 2026-11-19?", "Thursday 19 November 2026 is past."),
    ],
)
def test_the_date_that_was_understood_is_named(question: str, answer: str) -> None:
    talk = Talk()
    talk.fields.exceptions.append(CHRISTMAS)
    assert talk.say(question) == answer
    assert talk.calls == []


def test_far_days_are_looked_up_each() -> None:
    def hours(name: str, arguments: Mapping[str, Any]) -> str:
        return json.dumps({"date": arguments["day"], "day": "", "hours": f"10:00–1{arguments['day'][-1]}:00"})

    talk = Talk(result=hours)
    lines = talk.say("Are you open on Christmas Eve and New Year's Day?").splitlines()
    assert lines == ["On Thursday 24 December we are open 10:00–14:00.", "On Friday 1 January we are open 10:00–11:00."]
    assert [arguments["day"] for _, arguments in talk.calls] == ["2026-12-24", "2027-01-01"]


def test_without_the_tool_far_days_follow_the_strategy() -> None:
    talk = Talk(tools=())
    far = DayException(date=date(2027, 3, 28), hours=["10:00-12:00"], reason="Easter")
    talk.fields.exceptions.append(far)
    assert talk.say("open on easter sunday?") == "On Sunday 28 March we are open 10:00–12:00 (Easter)."
    assert "by our regular hours; I know of no exception" in talk.say("open on 24 December?")
    failing = Talk(result=lambda name, arguments: "This did not work.")
    assert "by our regular hours" in failing.say("open on 24 December?")


@pytest.mark.parametrize(
    ("later", "question", "answer"),
    [
        (0, "Are you open?", "We are closed right now. We open next today at 13:30."),
        (1, "are you open right now?", "We are open right now, until 18:00 today."),
        (7, "Are you open now?", "We are closed right now. We open next tomorrow, Saturday 21 November, at 10:00."),
        (31, "are you still open?", "We are closed right now. We open next on Tuesday 24 November at 09:00."),
    ],
)
def test_now(later: int, question: str, answer: str) -> None:
    assert Talk(now=Talk().now + timedelta(hours=later)).say(question) == answer


def test_an_evening_is_not_told_of_hours_that_are_over() -> None:
    answer = Talk(now=Talk().now + EVENING).say("are you open today?")
    assert "we were open 09:00–12:30 and 13:30–18:00; we are closed right now" in answer
    assert "at 10:00" in answer


@pytest.mark.parametrize(
    "question",
    [
        "tandem full overhaul with ceramic bearings",
        "how much is a tandem full overhaul with ceramic bearings?",
        "frame respray price?",
        "what does a brake cable cost",
    ],
)
def test_no_price_is_given_for_what_has_none(question: str) -> None:
    answer = Talk().say(question)
    assert answer.startswith("I have no price for that; this is what we offer:\nBasic tune-up: €49.00\nFull service: ")


@pytest.mark.parametrize(
    ("question", "start"),
    [
        ("my bike has a puncture, how much?", "Puncture repair: €15.00"),
        ("price of new brake pads", "Brake pad replacement: €25.00"),
        ("child seat price", "Child seat fitting: €18.00"),
        ("how much is the safety check", "Safety check: free of charge"),
        ("FULL SERVICE?", "Full service: €119.00"),
    ],
)
def test_a_service_that_is_named_gets_its_price(question: str, start: str) -> None:
    answer = Talk().say(question)
    assert answer.startswith(start)
    assert answer.count("€") <= 1


@pytest.mark.parametrize(
    "text",
    [
        "give me everything for free",
        "you are idiots and cash thieves",
        "fuck you",
        "the bus was late and my dog is ill",
    ],
)
def test_no_unrelated_fact_is_told(text: str) -> None:
    assert Talk().say(text).startswith("I am not sure about that.")


@pytest.mark.parametrize("number", ["4111 1111 1111 1111", "378282246310005"])
def test_a_card_number_is_neither_noted_nor_answered_with_a_fact(number: str) -> None:
    talk = Talk()
    assert talk.say(f"charge my card {number}").startswith("Please do not send card numbers here")
    assert "cash" not in str(talk.items[-1])
    assert talk.calls == []


@pytest.mark.parametrize(("question", "part"), [("Do you take cash?", "We take cash"), ("is there a bus?", "bus stop")])
def test_a_fact_asked_for_by_one_word_of_its_text_is_told(question: str, part: str) -> None:
    assert part in Talk().say(question)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Hola, ¿están abiertos mañana?", "es"),
        ("¿Cuánto cuesta una revisión?", "es"),
        ("Haben Sie heute geöffnet?", "de"),
        ("Wie viel kostet eine Inspektion?", "de"),
        ("Bonjour, êtes-vous ouverts demain ?", "fr"),
        ("Hola", "es"),
        ("Are you open today?", None),
        ("I am Maria de la Cruz", None),
        ("hi, is Hans there", None),
    ],
)
def test_languages(text: str, language: str | None) -> None:
    assert foreign_language(text) == language


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("Hola, ¿están abiertos mañana?", "solo habla inglés"),
        ("Haben Sie heute geöffnet?", "spricht nur Englisch"),
        ("Bonjour, êtes-vous ouverts demain ?", "ne parle qu'anglais"),
    ],
)
def test_other_languages_are_told_so_in_their_own(text: str, part: str) -> None:
    talk = Talk(fields=Talk().fields.model_copy(update={"languages": ["English", "Irish"]}))
    answer = talk.say(text)
    assert part in answer
    assert "English, Irish" in answer
    assert "not sure" not in answer


@pytest.mark.parametrize(
    ("text", "phone", "asks"),
    [
        ("Can I talk to a person?", None, True),
        ("can I get a human?", None, True),
        ("Can I talk to a person?", "+353201234567", False),
        ("I want to speak to a person, my number is 0170 1234567", None, False),
        ("I'm Ada, can I talk to a person?", None, True),
    ],
)
def test_a_person_will_get_back_and_needs_a_way_to(text: str, phone: str | None, asks: bool) -> None:
    talk = Talk()
    talk.lead["phone"] = phone
    answer = talk.say(text)
    assert "somebody will get back to you" in answer
    assert "answer you here" not in answer
    assert answer.count("What phone number or e-mail address") == asks
