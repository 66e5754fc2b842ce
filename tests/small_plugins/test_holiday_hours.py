"""The tool that tells opening hours, and the part of the day, with holidays and the strategy's own zone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from plugins.business_hours import register_calendars, register_tools
from plugins.daypart import daypart_at, prompt_variables
from receptionist.agents.hours import WEEKDAYS, Timetable
from receptionist.agents.tools import PreparedTool
from receptionist.agents.variables import hours_text, moment_values
from receptionist.contracts.strategy import StrategyFields
from tests.small_plugins.host import BERLIN, NOW, MemoryHost, prompt_context, tool_context

FIELDS = StrategyFields.model_validate(
    {
        "opening_hours": {day: ["09:00-12:30", "13:30-18:00"] for day in WEEKDAYS[:5]},
        "exceptions": [{"date": "2026-12-26", "hours": ["10:00-12:00"], "reason": "Sale"}],
        "holidays": {"country": "DE", "subdivision": "BY"},
    }
)


def told(day: date, now: datetime = NOW, fields: StrategyFields = FIELDS) -> Any:
    host = MemoryHost()
    host.all_calendars = list(register_calendars(host))
    prepared = PreparedTool(register_tools(host)[0])
    arguments = prepared.parse(json.dumps({"day": day.isoformat()}))
    context = tool_context(fields.model_dump(mode="json"), now, prepared.settings({}))
    return prepared.tool.function(context=context, **arguments)


def test_the_tool_knows_holidays_and_why() -> None:
    assert told(date(2026, 12, 25))["hours"] == "closed (Christmas Day)"
    assert told(date(2026, 12, 26))["hours"] == "10:00–12:00 (Sale)"
    assert told(date(2027, 1, 6))["hours"] == "closed (Epiphany)"
    assert told(date(2027, 5, 6))["hours"] == "closed (Ascension Day)"


def test_the_tool_says_what_the_prompt_says() -> None:
    timetable = Timetable(FIELDS)
    for ahead in range(0, 400, 3):
        day = NOW.date() + timedelta(days=ahead)
        hours, reason = timetable.on(day)
        assert told(day)["hours"] == hours_text(list(hours), reason)
    week = moment_values(timetable, NOW.replace(month=12, day=23))["hours_week"]
    assert [told(date.fromisoformat(day["date"])) for day in week] == week


def test_the_tool_keeps_to_the_zone_of_the_strategy() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    late = datetime(2026, 12, 24, 20, 0, tzinfo=BERLIN)
    assert told(date(2026, 12, 25), late.astimezone(tokyo))["hours"] == "closed (Christmas Day)"


def test_the_part_of_the_day_is_that_of_the_strategy() -> None:
    context = replace(prompt_context("hi"), strategy={"timezone": "Pacific/Auckland"})
    before = daypart_at(datetime.now(ZoneInfo("Pacific/Auckland")))
    found = prompt_variables(context)["daypart"]
    assert found in {before, daypart_at(datetime.now(ZoneInfo("Pacific/Auckland")))}
