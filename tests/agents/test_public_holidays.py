from __future__ import annotations

import locale
import subprocess
import sys
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from receptionist.agents.hours import WEEKDAYS, day_hours, is_open, next_opening, open_intervals
from receptionist.agents.public_holidays import check_holidays, holiday_name
from receptionist.agents.variables import strategy_variables
from receptionist.contracts.opening_hours import Holidays
from receptionist.contracts.strategy import StrategyFields
from receptionist.errors import LineError

BERLIN = ZoneInfo("Europe/Berlin")
WEEK = {day: ["09:00-17:00"] for day in WEEKDAYS[:5]}


def shop(**more: Any) -> StrategyFields:
    fields = {"opening_hours": WEEK, "holidays": {"country": "DE", "subdivision": "BY"}, **more}
    return StrategyFields.model_validate(fields)


def test_a_holiday_closes_and_says_why() -> None:
    assert day_hours(shop(), date(2026, 12, 25)) == ([], "Christmas Day")
    assert day_hours(shop(), date(2026, 12, 24)) == (["09:00-17:00"], "")
    assert not is_open(shop(), datetime(2026, 12, 25, 10, tzinfo=BERLIN))
    assert next_opening(shop(), BERLIN, datetime(2026, 12, 24, 18, tzinfo=BERLIN)) == datetime(
        2026, 12, 28, 9, tzinfo=BERLIN
    )


def test_a_holiday_of_one_region_is_none_elsewhere() -> None:
    epiphany = date(2027, 1, 6)
    assert day_hours(shop(), epiphany) == ([], "Epiphany")
    assert day_hours(shop(holidays={"country": "DE"}), epiphany) == (["09:00-17:00"], "")
    assert day_hours(shop(holidays={"country": "DE", "subdivision": ""}), epiphany) == (["09:00-17:00"], "")


def test_an_exception_wins_over_a_holiday_and_holidays_may_have_hours() -> None:
    market = {"date": "2026-12-25", "hours": ["12:00-14:00"], "reason": "Christmas market"}
    assert day_hours(shop(exceptions=[market]), date(2026, 12, 25)) == (["12:00-14:00"], "Christmas market")
    short = shop(holidays={"country": "DE", "hours": ["11:00-13:00", "09:00-10:00"]})
    assert day_hours(short, date(2026, 12, 25)) == (["09:00-10:00", "11:00-13:00"], "Christmas Day")


def test_plain_values_know_holidays_too() -> None:
    plain = shop().model_dump(mode="json")
    start, end = (datetime(2026, 12, day, tzinfo=BERLIN) for day in (25, 27))
    assert open_intervals(plain, BERLIN, start, end) == []
    assert day_hours(plain, date(2026, 12, 25)) == ([], "Christmas Day")


def test_templates_are_told_of_holidays() -> None:
    found = strategy_variables(shop(), datetime(2026, 12, 24, 18, tzinfo=BERLIN))
    assert found["hours_week"][1] == {"day": "Friday", "date": "2026-12-25", "hours": "closed (Christmas Day)"}
    assert [day["date"] for day in found["hours_exceptions"]] == [
        "2026-12-25",
        "2026-12-26",
        "2027-01-01",
        "2027-01-06",
    ]
    assert found["opens_next"] == {"day": "Monday", "date": "2026-12-28", "time": "09:00"}
    assert strategy_variables(shop(), datetime(2026, 12, 23, 10, tzinfo=BERLIN))["opens_next"] is None


@pytest.mark.parametrize(
    ("country", "subdivision", "part"),
    [
        ("XD", None, "for the country XD; near it: "),
        ("DE", "Bayer", "BY (Bayern)"),
        ("DE", "BX", "DE has no subdivision BX; there are: "),
        ("IE", "Dublin", "IE has no subdivision Dublin."),
    ],
)
def test_unknown_places_are_refused_and_near_ones_named(country: str, subdivision: str | None, part: str) -> None:
    with pytest.raises(LineError) as caught:
        check_holidays(shop(holidays={"country": country, "subdivision": subdivision}))
    assert part in str(caught.value)


def test_known_places_are_fine() -> None:
    for country, subdivision in (("DE", "BY"), ("US", "CA"), ("GB", "SCT"), ("IE", None)):
        check_holidays(shop(holidays={"country": country, "subdivision": subdivision}))
    check_holidays(StrategyFields())


def test_a_country_that_is_gone_has_no_holidays() -> None:
    assert holiday_name(Holidays(country="XD"), date(2026, 12, 25)) is None
    assert is_open(shop(holidays={"country": "XD"}), datetime(2026, 12, 25, 10, tzinfo=BERLIN))


def test_names_do_not_follow_the_locale_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locale, "getlocale", lambda *_: ("de_DE", "UTF-8"))
    monkeypatch.setenv("LANGUAGE", "de")
    assert holiday_name(Holidays(country="FR"), date(2031, 7, 14)) == "National Day"


def test_the_library_is_loaded_by_those_who_need_it_only() -> None:
    code = (
        "import sys\nfrom receptionist.agents.hours import is_open\nfrom receptionist.contracts.strategy import "
        "StrategyFields\nfrom datetime import datetime, UTC\nis_open(StrategyFields(), datetime.now(UTC))\n"
        "assert 'holidays' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_moments_of_a_holiday_are_those_of_the_business() -> None:
    late = datetime(2026, 12, 24, 23, 30, tzinfo=UTC)  # 25 December in Berlin already
    open_always = shop(opening_hours={day: ["00:00-24:00"] for day in WEEKDAYS})
    assert not is_open(open_always, late.astimezone(BERLIN))
    assert is_open(open_always, late.astimezone(ZoneInfo("Europe/London")))
