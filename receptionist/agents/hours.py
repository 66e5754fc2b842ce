"""When a business is open, from the opening hours and exceptions of its strategy.

Opening hours are wall times of a date in the business's zone; each date is converted by itself, so that a
change of the clock moves nothing but the night it happens in. There, a wall time the clock skips stands for
the moment of the jump, and one that occurs twice begins a stretch at its first and ends one at its last
occurrence: the business is never said to be closed while its clock shows an open hour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, get_args

from receptionist.contracts.calendar import Interval
from receptionist.contracts.opening_hours import DayException, Weekday
from receptionist.contracts.strategy import StrategyFields

WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
"""Monday first, as `date.weekday` counts."""

MAX_DAYS = 800
"""The longest time `open_intervals` looks through."""

_DAY = timedelta(days=1)


def open_intervals(
    strategy: StrategyFields | Mapping[str, Any], zone: tzinfo, start: datetime, end: datetime
) -> list[Interval]:
    """When the business is open between two aware times: in order, without overlaps, cut to `start` and `end`.

    `strategy` may be the fields or their plain values. The intervals are in `zone`; stretches that touch
    (until 24:00, then from 00:00) are one. Raises `ValueError` for a naive time, or more than `MAX_DAYS` days.
    """
    if start.tzinfo is None or end.tzinfo is None:
        raise ValueError("open_intervals needs times with a zone")
    first, last = start.astimezone(UTC), end.astimezone(UTC)
    if last - first > timedelta(days=MAX_DAYS):
        raise ValueError(f"open_intervals looks through {MAX_DAYS} days at most")
    found: list[tuple[datetime, datetime]] = []
    for begins, ends in sorted(_stretches(_fields(strategy), zone, first, last)):
        begins, ends = max(begins, first), min(ends, last)
        if found and begins <= found[-1][1]:
            found[-1] = (found[-1][0], max(ends, found[-1][1]))
        elif begins < ends:
            found.append((begins, ends))
    return [Interval(begins.astimezone(zone), ends.astimezone(zone)) for begins, ends in found]


def is_open(strategy: StrategyFields | Mapping[str, Any], at: datetime) -> bool:
    """Whether the business is open at this aware time, whose zone is the business's."""
    if at.tzinfo is None:
        raise ValueError("is_open needs a time with a zone")
    moment = at.astimezone(UTC)
    return any(begins <= moment < ends for begins, ends in _stretches(_fields(strategy), at.tzinfo, moment, moment))


def day_hours(strategy: StrategyFields, day: date) -> tuple[list[str], str]:
    """The hours of a date, such as ["09:00-12:30"], and the reason if they are an exception's; none: closed."""
    exception = _exceptions(strategy).get(day)
    if exception is not None:
        return sorted(exception.hours), exception.reason
    return sorted(strategy.opening_hours.get(WEEKDAYS[day.weekday()], [])), ""


def _fields(strategy: StrategyFields | Mapping[str, Any]) -> StrategyFields:
    if isinstance(strategy, StrategyFields):
        return strategy
    known = {name: strategy[name] for name in ("opening_hours", "exceptions") if name in strategy}
    return StrategyFields.model_validate(known)


def _exceptions(strategy: StrategyFields) -> dict[date, DayException]:
    return {exception.date: exception for exception in strategy.exceptions}


def _stretches(
    strategy: StrategyFields, zone: tzinfo, first: datetime, last: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Every stretch of the dates that `first` to `last` touches, in UTC; some may be empty or overlap."""
    exceptions = _exceptions(strategy)
    day, until = first.astimezone(zone).date() - _DAY, last.astimezone(zone).date()
    while day <= until:
        exception = exceptions.get(day)
        regular = strategy.opening_hours.get(WEEKDAYS[day.weekday()], [])
        for hours in exception.hours if exception is not None else regular:
            yield _instant(day, hours[:5], zone, at_end=False), _instant(day, hours[6:], zone, at_end=True)
        day += _DAY


def _instant(day: date, clock: str, zone: tzinfo, at_end: bool) -> datetime:
    if clock == "24:00":
        day, clock = day + _DAY, "00:00"
    wall = datetime.combine(day, time.fromisoformat(clock), zone)
    earlier, later = wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)
    if earlier > later:  # PEP 495: only a skipped wall time does this, and the jump is in between
        return _jump(later, earlier, zone)
    return later if at_end else earlier


def _jump(low: datetime, high: datetime, zone: tzinfo) -> datetime:
    """The moment, to the second, at which the offset of `zone` changes between two times in UTC."""
    before = low.astimezone(zone).utcoffset()
    span = [0, int((high - low).total_seconds())]
    while span[1] - span[0] > 1:
        middle = sum(span) // 2
        moved = (low + timedelta(seconds=middle)).astimezone(zone).utcoffset() != before
        span[1 if moved else 0] = middle
    return low + timedelta(seconds=span[1])
