"""Opening hours on every day of the coming years on which some zone changes its clock."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from random import Random
from zoneinfo import ZoneInfo

import pytest

from receptionist.agents.hours import DAYS_AHEAD, WEEKDAYS, is_open, next_opening, open_intervals
from receptionist.contracts.strategy import StrategyFields

DAY = timedelta(days=1)
STEP = 5 * DAY
"""No zone changes its clock twice within this time."""
MINUTE = timedelta(minutes=1)
FIRST, LAST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
Change = tuple[ZoneInfo, datetime, timedelta]


def offset(zone: ZoneInfo, at: datetime) -> timedelta:
    found = at.astimezone(zone).utcoffset()
    assert found is not None
    return found


def changes_of(zone: ZoneInfo) -> Iterator[Change]:
    """Each moment at which the clock of a zone changes, to the minute, and by how much."""
    at = FIRST
    while at < LAST:
        low, high = at, at + STEP
        if offset(zone, low) != offset(zone, high):
            while high - low > MINUTE:
                middle = low + ((high - low) / 2 // MINUTE) * MINUTE
                low, high = (middle, high) if offset(zone, middle) == offset(zone, at) else (low, middle)
            yield zone, high, offset(zone, high) - offset(zone, low)
        at += STEP


@cache
def changes() -> list[Change]:
    """One zone for each different change: most zones of the world share theirs."""
    found: dict[tuple[datetime, timedelta, timedelta], Change] = {}
    for name in sorted(zoneinfo.available_timezones()):
        zone = ZoneInfo(name)
        for change in changes_of(zone):
            found.setdefault((change[1], change[2], offset(zone, change[1])), change)
    return list(found.values())


def clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def every_day(begins: int, ends: int) -> StrategyFields:
    """Open every day between two minutes of the day."""
    return StrategyFields.model_validate(
        {"opening_hours": {day: [f"{clock(begins)}-{clock(ends)}"] for day in WEEKDAYS}}
    )


def walls(day: date, minutes: int) -> datetime:
    return datetime.combine(day, time()) + timedelta(minutes=minutes)


def expected(day: date, begins: int, ends: int, change: Change) -> timedelta:
    """How long a stretch of a date lasts: its wall time, less what is skipped of it, or all of what comes twice."""
    zone, at, jump = change
    first, last = walls(day, begins), walls(day, ends)
    before = (at - MINUTE).astimezone(zone).replace(tzinfo=None) + MINUTE
    low, high = sorted((before, before + jump))
    if jump > timedelta():
        return last - first - max(timedelta(), min(last, high) - max(first, low))
    return last - first + (-jump if first < high and last > low else timedelta())


def test_there_are_changes_of_all_kinds() -> None:
    jumps = {jump for _, _, jump in changes()}
    assert len(changes()) > 40
    assert {timedelta(hours=1), timedelta(hours=-1), timedelta(minutes=30), timedelta(minutes=-30)} <= jumps


@pytest.mark.parametrize("seed", range(3))
def test_a_stretch_lasts_its_wall_time_but_for_exactly_the_jump(seed: int) -> None:
    random = Random(seed)
    for change in changes():
        zone, at, _ = change
        night = at.astimezone(zone)
        near = min(night.hour * 60 + night.minute, 24 * 60 - 2)
        begins = random.choice([0, random.randint(0, near), random.randint(0, 24 * 60 - 2)])
        ends = random.choice([24 * 60, random.randint(begins + 1, 24 * 60)])
        days = [night.date() + offset * DAY for offset in (-1, 0, 1)]
        start, end = (datetime.combine(day, time(), zone) for day in (days[0] - DAY, days[-1] + 2 * DAY))
        found = open_intervals(every_day(begins, ends), zone, start, end)
        total = sum((span.end.astimezone(UTC) - span.start.astimezone(UTC) for span in found), timedelta())
        asked = [days[0] - DAY, *days, days[-1] + DAY]
        assert total == sum((expected(day, begins, ends, change) for day in asked), timedelta()), (
            zone,
            at,
            begins,
            ends,
        )


def test_intervals_around_changes_are_in_order_apart_and_agree_with_is_open() -> None:
    random = Random(7)
    for zone, at, _ in changes():
        hours = every_day(random.randint(0, 240), random.randint(241, 1440))
        start, end = at - timedelta(hours=30), at + timedelta(hours=30)
        found = [
            (span.start.astimezone(UTC), span.end.astimezone(UTC)) for span in open_intervals(hours, zone, start, end)
        ]
        edges = [edge for span in found for edge in span]
        assert edges == sorted(set(edges))
        assert not edges or (start <= edges[0] and edges[-1] <= end)
        for moment in [*edges, *(edge - MINUTE for edge in edges), at, at - MINUTE, at + MINUTE]:
            inside = any(begins <= moment < ends for begins, ends in found)
            assert is_open(hours, moment.astimezone(zone)) == inside or not start <= moment < end, (zone, moment)


def test_the_next_opening_is_open_and_nothing_earlier_is() -> None:
    random = Random(11)
    for zone, at, _ in changes():
        hours = every_day(begins := random.randint(0, 1400), random.randint(begins + 1, 1440))
        moment = at + timedelta(minutes=random.randint(-1500, 300))
        opens = next_opening(hours, zone, moment)
        assert opens is not None
        assert opens >= moment
        assert is_open(hours, opens)
        assert open_intervals(hours, zone, moment, opens) == []
        assert (opens.astimezone(UTC) == moment) == is_open(hours, moment.astimezone(zone))


def test_a_business_that_never_opens_has_no_next_opening() -> None:
    berlin, now = ZoneInfo("Europe/Berlin"), datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert next_opening(StrategyFields(), berlin, now) is None
    late = now.date() + timedelta(days=DAYS_AHEAD + 3)
    once = {"exceptions": [{"date": late.isoformat(), "hours": ["10:00-11:00"]}]}
    assert next_opening(once, berlin, now) is None
    opens = next_opening(once, berlin, now + timedelta(days=9))
    assert opens == datetime.combine(late, time(10), berlin)
    with pytest.raises(ValueError, match="zone"):
        next_opening(once, berlin, now.replace(tzinfo=None))
