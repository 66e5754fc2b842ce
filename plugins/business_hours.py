"""The strategy's opening hours as a calendar, a tool that tells them for any date, and one that tells the time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, Field

from receptionist import (
    Calendar,
    Host,
    Interval,
    Tool,
    ToolContext,
    ToolError,
    day_hours,
    hookimpl,
    open_intervals,
    tool,
)

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

LOOK_AHEAD = 60
"""Days in which the next opening is looked for."""


class OpenTimesSettings(BaseModel):
    """What a strategy may set for `open_times`."""

    days_ahead: int = Field(default=731, ge=1, le=731, description="How many days ahead hours are told.")


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

    @tool(settings=OpenTimesSettings)
    def open_times(
        context: ToolContext, day: Annotated[date, Field(description="The date, such as 2026-12-24")]
    ) -> dict[str, Any]:
        """When the business is open on a date, with holidays and other exceptions."""
        last = context.now.date() + timedelta(days=context.settings.days_ahead)
        return hours_of(context, host.calendars(), day, last)

    return open_times


def make_clock(host: Host) -> Tool:
    """The tool that tells the time, and whether the business is open, by all calendars there are."""

    @tool(claims=())
    def current_time(context: ToolContext) -> dict[str, Any]:
        """The date and time at the business now, and whether it is open. For the hours of a date, use open_times."""
        now = context.now
        told = {"now": f"{now:%Y-%m-%d %H:%M}", "day": DAYS[now.weekday()], "zone": str(now.tzinfo)}
        if not _says_hours(context):
            return told | {"open": "not known"}
        intervals = _common(context, host.calendars(), now, now + timedelta(days=LOOK_AHEAD))
        if intervals and intervals[0].start <= now:
            return told | {"open": True, "until": _moment(intervals[0].end)}
        return told | {"open": False, "next_opening": _moment(intervals[0].start) if intervals else "not known"}

    return current_time


def _says_hours(context: ToolContext) -> bool:
    return bool(context.strategy.get("opening_hours") or context.strategy.get("exceptions"))


def _moment(at: datetime) -> str:
    return f"{DAYS[at.weekday()]} {at:%Y-%m-%d %H:%M}"


def _common(context: ToolContext, calendars: Sequence[Calendar], start: datetime, end: datetime) -> list[Interval]:
    """The times that all calendars agree on, in order."""
    common = [Interval(start, end)]
    for calendar in calendars:
        common = _overlap(common, calendar.open_times(context.strategy, start, end))
    return common


def hours_of(context: ToolContext, calendars: Sequence[Calendar], day: date, last: date) -> dict[str, Any]:
    """The open times of a date that all calendars agree on. Raises `ToolError` if none are known, or after `last`."""
    today = context.now.date()
    if not today - timedelta(days=1) <= day <= last:
        raise ToolError(f"Opening hours are known from {today} to {last}; ask for a date in that time.")
    if not _says_hours(context):
        raise ToolError("The business has not said when it is open; offer to ask a person.")
    zone = context.now.tzinfo
    assert zone is not None
    start, end = (datetime.combine(each, time(), zone) for each in (day, day + timedelta(days=1)))
    stretches = [_stretch(interval, end) for interval in _common(context, calendars, start, end)]
    hours = " and ".join(stretches) or "closed"
    _, reason = day_hours(context.strategy, day)
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


@hookimpl
def register_calendars(host: Host) -> list[Calendar]:
    """The opening hours as a calendar."""
    return [OpeningHours(host)]


@hookimpl
def register_tools(host: Host) -> list[Tool]:
    """The tools that tell the hours of a date, and the time."""
    return [make_tool(host), make_clock(host)]
