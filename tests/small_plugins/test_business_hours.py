from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pytest

from plugins.business_hours import OpeningHours, register_calendars, register_tools
from receptionist import Calendar, Interval, ToolError
from receptionist.agents.tools import PreparedTool
from tests.small_plugins.host import BERLIN, NOW, MemoryHost, tool_context

STRATEGY = {
    "opening_hours": {"friday": ["09:00-12:30", "13:30-24:00"], "sunday": ["01:00-02:30"]},
    "exceptions": [{"date": "2026-12-25", "hours": [], "reason": "Christmas"}],
}


def told(day: str, calendars: Sequence[Calendar] = (), now: datetime = NOW, **settings: Any) -> Mapping[str, Any]:
    host = MemoryHost()
    host.all_calendars = [*register_calendars(host), *calendars]
    prepared = PreparedTool(register_tools(host)[0])
    arguments = prepared.parse(json.dumps({"day": day}))
    context = tool_context(STRATEGY, now, prepared.settings(settings))
    return prepared.tool.function(context=context, **arguments)


class Lunch(Calendar):
    """Somebody is away from 11 to 15."""

    name = "lunch"

    def open_times(self, strategy: Mapping[str, Any], start: datetime, end: datetime) -> Sequence[Interval]:
        day = start.date()
        leave, back = (datetime(day.year, day.month, day.day, hour, tzinfo=start.tzinfo) for hour in (11, 15))
        return [Interval(start, leave), Interval(back, end)]


@pytest.mark.parametrize(
    ("day", "name", "hours"),
    [
        ("2026-11-20", "Friday", "09:00–12:30 and 13:30–24:00"),
        ("2026-11-21", "Saturday", "closed"),
        ("2026-12-25", "Friday", "closed (Christmas)"),
        ("2027-03-28", "Sunday", "01:00–03:00"),  # the clock jumps from 02:00 to 03:00
        ("2027-10-31", "Sunday", "01:00–02:30"),
    ],
)
def test_open_times_of_a_date(day: str, name: str, hours: str) -> None:
    assert told(day) == {"date": day, "day": name, "hours": hours}


def test_open_times_are_those_of_all_calendars() -> None:
    assert told("2026-11-20", [Lunch(MemoryHost())])["hours"] == "09:00–11:00 and 15:00–24:00"


@pytest.mark.parametrize("day", ["2026-11-01", "2029-01-01"])
def test_dates_far_away_are_refused(day: str) -> None:
    with pytest.raises(ToolError, match="from 2026-11-20 to 2028-11-20"):
        told(day)


def test_a_strategy_says_how_far_ahead_hours_are_told() -> None:
    assert told("2026-12-25", days_ahead=35)["hours"] == "closed (Christmas)"
    with pytest.raises(ToolError, match="from 2026-11-20 to 2026-12-24"):
        told("2026-12-25", days_ahead=34)


def test_hours_that_nobody_gave_are_not_told() -> None:
    host = MemoryHost()
    prepared = PreparedTool(register_tools(host)[0])
    with pytest.raises(ToolError, match="not said"):
        prepared.tool.function(context=tool_context({}, settings=prepared.settings({})), day=NOW.date())


def test_register_calendars() -> None:
    (calendar,) = register_calendars(MemoryHost())
    assert isinstance(calendar, OpeningHours)
    found = calendar.open_times(STRATEGY, NOW, NOW.replace(hour=14))
    assert [(interval.start.hour, interval.end.hour) for interval in found] == [(10, 12), (13, 14)]
    assert found[0].start.tzinfo is BERLIN


def test_the_calendar_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="zone"):
        OpeningHours(MemoryHost()).open_times(STRATEGY, datetime(2026, 1, 1), datetime(2026, 1, 2))


def test_calendars_agree_on_the_moment_in_the_night_of_two_oclocks() -> None:
    class Second(Calendar):
        """Has time from the second 02:00 on."""

        def open_times(self, strategy: Mapping[str, Any], start: datetime, end: datetime) -> Sequence[Interval]:
            return [Interval(datetime(2027, 10, 31, 2, 0, fold=1, tzinfo=start.tzinfo), end)]

    assert told("2027-10-31", [Second(MemoryHost())])["hours"] == "02:00–02:30"
