"""When a business is open, from the opening hours, exceptions and holidays of its strategy.

Opening hours are wall times of a date in the business's zone; each date is converted by itself, so that a
change of the clock moves nothing but the night it happens in. There, a wall time the clock skips stands for
the moment of the jump, and a stretch whose times occur twice lasts from the first moment its clock shows it to
the last: the business is never said to be closed while its clock shows an open hour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, get_args

from receptionist.agents.public_holidays import holiday_name
from receptionist.contracts.calendar import Interval
from receptionist.contracts.opening_hours import Weekday
from receptionist.contracts.strategy import StrategyFields

WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
"""Monday first, as `date.weekday` counts."""

MAX_DAYS = 800
"""The longest time `open_intervals` looks through."""

DAYS_AHEAD = 400
"""How far `next_opening` looks."""

_DAY = timedelta(days=1)


class Timetable:
    """The hours of one strategy by date. Safe to share between threads.

    `strategy` may be the fields or their plain values.
    """

    def __init__(self, strategy: StrategyFields | Mapping[str, Any]) -> None:
        fields = _fields(strategy)
        self._week = [sorted(fields.opening_hours.get(day, [])) for day in WEEKDAYS]
        self._exceptions = {each.date: (sorted(each.hours), each.reason) for each in fields.exceptions}
        self._holidays = fields.holidays

    def on(self, day: date) -> tuple[Sequence[str], str]:
        """The hours of a date, such as ["09:00-12:30"] (none: closed), and why they are not those of the week."""
        return self.special(day) or (self._week[day.weekday()], "")

    def special(self, day: date) -> tuple[Sequence[str], str] | None:
        """Hours and reason of a date that is an exception, else of one that is a holiday; None for all others."""
        if (exception := self._exceptions.get(day)) is not None:
            return exception
        if self._holidays is not None and (name := holiday_name(self._holidays, day)) is not None:
            return sorted(self._holidays.hours), name
        return None

    def is_open(self, at: datetime) -> bool:
        """Whether the business is open at this aware time, whose zone is the business's."""
        zone = _zone(at)
        moment = at.astimezone(UTC)
        return any(begins <= moment < ends for begins, ends in self.stretches(zone, moment, moment))

    def next_opening(self, at: datetime) -> datetime | None:
        """The first moment from `at` on at which the business is open, in the zone of `at`, which is the business's.

        None if there is none within `DAYS_AHEAD` days."""
        zone = _zone(at)
        moment = at.astimezone(UTC)
        if not (any(self._week) or any(hours for hours, _ in self._exceptions.values()) or self._holidays):
            return None
        for begins, ends in self.stretches(zone, moment, moment + DAYS_AHEAD * _DAY):
            if max(begins, moment) < ends:
                return max(begins, moment).astimezone(zone)
        return None

    def stretches(self, zone: tzinfo, first: datetime, last: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Every stretch of the dates that `first` to `last` touches, by date, in UTC; some may be empty or overlap."""
        day, until = first.astimezone(zone).date() - _DAY, last.astimezone(zone).date()
        while day <= until:
            for hours in self.on(day)[0]:
                yield _instant(day, hours[:5], zone, at_end=False), _instant(day, hours[6:], zone, at_end=True)
            day += _DAY


def open_intervals(
    strategy: StrategyFields | Mapping[str, Any], zone: tzinfo, start: datetime, end: datetime
) -> list[Interval]:
    """When the business is open between two aware times: in order, without overlaps, cut to `start` and `end`.

    `strategy` may be the fields or their plain values. The intervals are in `zone`; stretches that touch
    (until 24:00, then from 00:00) are one. Raises `ValueError` for a naive time, or more than `MAX_DAYS` days.
    """
    _zone(start), _zone(end)
    first, last = start.astimezone(UTC), end.astimezone(UTC)
    if last - first > MAX_DAYS * _DAY:
        raise ValueError(f"open_intervals looks through {MAX_DAYS} days at most")
    found: list[tuple[datetime, datetime]] = []
    for begins, ends in sorted(Timetable(strategy).stretches(zone, first, last)):
        begins, ends = max(begins, first), min(ends, last)
        if found and begins <= found[-1][1]:
            found[-1] = (found[-1][0], max(ends, found[-1][1]))
        elif begins < ends:
            found.append((begins, ends))
    return [Interval(begins.astimezone(zone), ends.astimezone(zone)) for begins, ends in found]


def is_open(strategy: StrategyFields | Mapping[str, Any], at: datetime) -> bool:
    """Whether the business is open at this aware time, whose zone is the business's."""
    return Timetable(strategy).is_open(at)


def day_hours(strategy: StrategyFields | Mapping[str, Any], day: date) -> tuple[list[str], str]:
    """The hours of a date, such as ["09:00-12:30"] (none: closed), and the reason if they are not those of the week:
    an exception's, or the name of a holiday."""
    hours, reason = Timetable(strategy).on(day)
    return list(hours), reason


def next_opening(strategy: StrategyFields | Mapping[str, Any], zone: tzinfo, at: datetime) -> datetime | None:
    """The first moment from `at` on at which the business is open: `at` itself while it is; in `zone`, which is the
    business's. None if there is none within `DAYS_AHEAD` days. Raises `ValueError` for a naive time."""
    _zone(at)
    return Timetable(strategy).next_opening(at.astimezone(zone))


def _zone(at: datetime) -> tzinfo:
    if at.tzinfo is None:
        raise ValueError("opening hours need times with a zone")
    return at.tzinfo


def _fields(strategy: StrategyFields | Mapping[str, Any]) -> StrategyFields:
    if isinstance(strategy, StrategyFields):
        return strategy
    known = {name: strategy[name] for name in ("opening_hours", "exceptions", "holidays") if name in strategy}
    return StrategyFields.model_validate(known)


def _instant(day: date, clock: str, zone: tzinfo, at_end: bool) -> datetime:
    if clock == "24:00":
        day, clock = day + _DAY, "00:00"
    wall = datetime.combine(day, time.fromisoformat(clock), zone)
    earlier, later = wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)
    if earlier > later:  # PEP 495: only a skipped wall time does this, and the jump is in between
        return _jump(later, earlier, zone)
    if earlier == later or not at_end:
        return earlier
    before = later - timedelta(seconds=1)  # a stretch ends before this time: did the clock show it a second time?
    return later if before.astimezone(zone).replace(tzinfo=None) < wall.replace(tzinfo=None) else earlier


def _jump(low: datetime, high: datetime, zone: tzinfo) -> datetime:
    """The moment, to the second, at which the offset of `zone` changes between two times in UTC."""
    before = low.astimezone(zone).utcoffset()
    span = [0, int((high - low).total_seconds())]
    while span[1] - span[0] > 1:
        middle = sum(span) // 2
        moved = (low + timedelta(seconds=middle)).astimezone(zone).utcoffset() != before
        span[1 if moved else 0] = middle
    return low + timedelta(seconds=span[1])
