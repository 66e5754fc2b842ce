"""The demo model tells opening hours that know holidays."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from receptionist.contracts.opening_hours import DayException, Holidays
from receptionist.services.demo.demo import TIMEZONE
from tests.models_demo.talk import Talk

ZONE = ZoneInfo(TIMEZONE)
EVE = datetime(2026, 12, 24, 20, 0, tzinfo=ZONE)


def talk(now: datetime = EVE, *, tools: tuple[str, ...] = (), **changes: object) -> Talk:
    fields = Talk().fields.model_copy(update={"holidays": Holidays(country="IE"), **changes})
    return Talk(fields=fields, now=now, tools=tools)


def test_a_holiday_is_closed_and_named() -> None:
    assert talk().say("are you open tomorrow?") == "Tomorrow, Friday 25 December, we are closed (Christmas Day)."
    assert "26 December we are closed (Saint Stephen's Day)" in talk().say("are you open on 2026-12-26?")


def test_closed_now_names_the_opening_after_the_holidays() -> None:
    assert talk().say("are you open now?") == ("We are closed right now. We open next on Tuesday 29 December at 09:00.")
    christmas = datetime(2026, 12, 25, 10, 0, tzinfo=ZONE)
    assert "closed right now" in talk(christmas).say("are you open?")


def test_the_list_of_hours_has_the_holidays() -> None:
    answer = talk().say("what are your opening hours?")
    assert "Friday 25 December: closed (Christmas Day)" in answer
    assert "Friday 1 January: closed (New Year's Day)" in answer


def test_an_exception_wins() -> None:
    special = DayException.model_validate({"date": "2026-12-25", "hours": ["10:00-11:00"], "reason": "Carols"})
    assert "open 10:00–11:00 (Carols)" in talk(exceptions=[special]).say("are you open tomorrow?")


def test_far_ahead_it_does_not_pretend_to_know_holidays() -> None:
    answer = talk().say("are you open on 2027-03-17?")
    assert "by our regular hours, unless it is a public holiday" in answer
    asked = talk(tools=("open_times",))
    asked.say("are you open on 2027-03-17?")
    assert asked.calls == [("open_times", {"day": "2027-03-17"})]


def test_a_business_that_does_not_open_again_says_so() -> None:
    only = DayException.model_validate({"date": "2026-12-24", "hours": ["09:00-10:00"]})
    gone = talk(opening_hours={}, exceptions=[only])
    assert gone.say("are you open now?") == "We are closed right now. I do not know when we open next."
