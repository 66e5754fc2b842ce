"""The strategy's opening hours as a calendar, and a tool that tells them for any date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from pydantic import Field

from receptionist import Calendar, Host, Interval, Tool, ToolContext, ToolError, hookimpl, open_intervals, tool

DAYS_AHEAD = 731
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class OpeningHours(Calendar):
    """Says the business has time whenever it is open."""

    name = "opening_hours"
    title = "Opening hours of the strategy"

    def open_times(self, strategy: Mapping[str, Any], start: datetime, end: datetime) -> Sequence[Interval]:
        """The open times, in the zone of `start`, which must be the business's."""
        if start.tzinfo is None:
            raise ValueError("open_times needs times with a zone")
        return open_intervals(strategy, start.tzinfo, start, end)


def make_tool(host: Host) -> Tool:
    """The tool over all calendars there are: the business has time when none of them says no."""

    @tool
    def open_times(
        context: ToolContext, day: Annotated[date, Field(description="The date, such as 2026-12-24")]
    ) -> dict[str, Any]:
        """When the business is open on a date, with holidays and other exceptions."""
        return hours_of(context, host.calendars(), day)

    return open_times


def hours_of(context: ToolContext, calendars: Sequence[Calendar], day: date) -> dict[str, Any]:
    """The open times of a date that all calendars agree on. Raises `ToolError` if none are known, or too far away."""
    today = context.now.date()
    if not today - timedelta(days=1) <= day <= today + timedelta(days=DAYS_AHEAD):
        raise ToolError(f"Opening hours are known from {today} for two years; ask for a date in that time.")
    if not (context.strategy.get("opening_hours") or context.strategy.get("exceptions")):
        raise ToolError("The business has not said when it is open; offer to ask a person.")
    zone = context.now.tzinfo
    assert zone is not None
    start, end = (datetime.combine(each, time(), zone) for each in (day, day + timedelta(days=1)))
    common = [Interval(start, end)]
    for calendar in calendars:
        common = _overlap(common, calendar.open_times(context.strategy, start, end))
    stretches = [_stretch(interval, end) for interval in common]
    hours = " and ".join(stretches) or "closed"
    reason = _reason(context.strategy, day)
    return {
        "date": day.isoformat(),
        "day": DAYS[day.weekday()],
        "hours": f"{hours} ({reason})" if reason else hours,
    }


def _overlap(some: Sequence[Interval], others: Sequence[Interval]) -> list[Interval]:
    """By the moment, not by the clock: in the night a clock is set back, two times of a zone compare wrongly."""
    moment = datetime.timestamp
    pairs = (
        (max(one.start, other.start, key=moment), min(one.end, other.end, key=moment))
        for one in some
        for other in others
    )
    return [Interval(start, end) for start, end in pairs if moment(start) < moment(end)]


def _stretch(interval: Interval, end_of_day: datetime) -> str:
    until = "24:00" if interval.end == end_of_day else f"{interval.end:%H:%M}"
    return f"{interval.start:%H:%M}–{until}"


def _reason(strategy: Mapping[str, Any], day: date) -> str:
    exceptions = {str(entry["date"]): str(entry.get("reason", "")) for entry in strategy.get("exceptions", ())}
    return exceptions.get(day.isoformat(), "")


@hookimpl
def register_calendars(host: Host) -> list[Calendar]:
    """The opening hours as a calendar."""
    return [OpeningHours(host)]


@hookimpl
def register_tools(host: Host) -> list[Tool]:
    """The tool that tells the hours of a date."""
    return [make_tool(host)]
