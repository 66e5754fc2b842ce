from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receptionist.agents.hours import WEEKDAYS, is_open, open_intervals
from receptionist.contracts.strategy import StrategyFields

BERLIN = ZoneInfo("Europe/Berlin")
SHOP = StrategyFields.model_validate(
    {
        "opening_hours": {day: ["09:00-12:30", "13:30-18:00"] for day in WEEKDAYS[:5]},
        "exceptions": [
            {"date": "2026-12-25", "hours": [], "reason": "Christmas"},
            {"date": "2026-12-26", "hours": ["10:00-12:00"]},
        ],
    }
)


def spans(strategy: Any, start: str, end: str, zone: ZoneInfo = BERLIN) -> list[str]:
    """Open times between two wall times, as "begin/end" in UTC."""
    found = open_intervals(
        strategy,
        zone,
        datetime.fromisoformat(start).replace(tzinfo=zone),
        datetime.fromisoformat(end).replace(tzinfo=zone),
    )
    return [f"{span.start.astimezone(UTC):%d %H:%M}/{span.end.astimezone(UTC):%d %H:%M}" for span in found]


def always(hours: str) -> StrategyFields:
    return StrategyFields.model_validate({"opening_hours": {day: [hours] for day in WEEKDAYS}})


def test_a_day_with_a_break() -> None:
    assert spans(SHOP, "2026-11-20 00:00", "2026-11-21 00:00") == ["20 08:00/20 11:30", "20 12:30/20 17:00"]


def test_times_are_cut_to_what_was_asked() -> None:
    assert spans(SHOP, "2026-11-20 10:00", "2026-11-20 13:45") == ["20 09:00/20 11:30", "20 12:30/20 12:45"]


def test_exceptions_replace_the_day() -> None:
    assert spans(SHOP, "2026-12-25 00:00", "2026-12-27 00:00") == ["26 09:00/26 11:00"]


def test_plain_values_do_as_well() -> None:
    plain = {**SHOP.model_dump(mode="json"), "services_text": ["more than the fields"]}
    assert spans(plain, "2026-12-26 00:00", "2026-12-27 00:00") == ["26 09:00/26 11:00"]


def test_midnight_does_not_part_what_touches() -> None:
    assert spans(always("00:00-24:00"), "2026-11-20 00:00", "2026-11-23 00:00") == ["19 23:00/22 23:00"]


@pytest.mark.parametrize(
    ("day", "hours", "expected"),
    [
        ("2026-03-29", "09:00-17:00", ["29 07:00/29 15:00"]),  # the day of the jump: summer time already
        ("2026-03-29", "02:30-04:00", ["29 01:00/29 02:00"]),  # 02:30 is skipped: from the jump on
        ("2026-03-29", "01:00-02:30", ["29 00:00/29 01:00"]),
        ("2026-03-29", "02:10-02:50", []),  # nothing of it occurs
        ("2026-10-25", "01:00-02:30", ["24 23:00/25 01:30"]),  # until the second 02:30
        ("2026-10-25", "02:30-04:00", ["25 00:30/25 03:00"]),  # from the first 02:30
    ],
)
def test_nights_of_the_clock_change(day: str, hours: str, expected: list[str]) -> None:
    after = date.fromisoformat(day) + timedelta(days=1)
    assert spans(always(hours), f"{day} 00:30", f"{after} 00:00") == expected


def test_a_day_that_a_zone_skipped_has_no_hours() -> None:
    apia = ZoneInfo("Pacific/Apia")  # went from 29 to 31 December 2011
    assert spans(always("09:00-17:00"), "2011-12-29 00:00", "2012-01-01 00:00", apia) == [
        "29 19:00/30 03:00",
        "30 19:00/31 03:00",
    ]


def test_naive_times_and_endless_spans_are_refused() -> None:
    now = datetime(2026, 11, 20, tzinfo=BERLIN)
    with pytest.raises(ValueError, match="zone"):
        open_intervals(SHOP, BERLIN, now.replace(tzinfo=None), now)
    with pytest.raises(ValueError, match="zone"):
        is_open(SHOP, now.replace(tzinfo=None))
    with pytest.raises(ValueError, match="days"):
        open_intervals(SHOP, BERLIN, now, now + timedelta(days=900))


minutes = st.integers(0, 24 * 60)
stretch = (
    st.tuples(minutes, minutes)
    .filter(lambda pair: pair[0] < pair[1])
    .map(lambda pair: f"{pair[0] // 60:02}:{pair[0] % 60:02}-{pair[1] // 60:02}:{pair[1] % 60:02}")
)
strategies = st.builds(
    lambda hours, exceptions: StrategyFields.model_validate({"opening_hours": hours, "exceptions": exceptions}),
    st.dictionaries(st.sampled_from(WEEKDAYS), st.lists(stretch, max_size=3)),
    st.lists(
        st.fixed_dictionaries(
            {"date": st.dates(date(2026, 3, 20), date(2026, 4, 10)), "hours": st.lists(stretch, max_size=2)}
        ),
        max_size=3,
    ),
)
zones = st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut", "UTC"]).map(
    ZoneInfo
)
moments = st.datetimes(datetime(2026, 3, 1), datetime(2026, 11, 30), timezones=st.just(UTC))


@given(strategies, zones, moments, st.integers(0, 20 * 24 * 60))
def test_intervals_are_in_order_and_within(strategy: Any, zone: ZoneInfo, start: datetime, length: int) -> None:
    end = start + timedelta(minutes=length)
    found = [(i.start.astimezone(UTC), i.end.astimezone(UTC)) for i in open_intervals(strategy, zone, start, end)]
    edges = [edge for span in found for edge in span]
    assert all(one < two for one, two in itertools.pairwise(edges))
    assert all(start <= edge <= end for edge in edges)


@given(strategies, zones, moments)
def test_is_open_agrees_with_the_intervals(strategy: Any, zone: ZoneInfo, at: datetime) -> None:
    around = open_intervals(strategy, zone, at, at + timedelta(seconds=1))
    assert is_open(strategy, at.astimezone(zone)) == bool(around)


@given(strategies, zones, moments)
def test_open_whenever_the_clock_shows_an_open_hour(strategy: Any, zone: ZoneInfo, at: datetime) -> None:
    local = at.astimezone(zone)
    exceptions = {exception.date: exception.hours for exception in strategy.exceptions}
    hours = exceptions.get(local.date(), strategy.opening_hours.get(WEEKDAYS[local.weekday()], []))
    shown = any(stretch[:5] <= f"{local:%H:%M}" < stretch[6:] for stretch in hours)
    before, after = (at + timedelta(hours=side) for side in (-3, 3))
    steady = before.astimezone(zone).utcoffset() == after.astimezone(zone).utcoffset()
    assert is_open(strategy, local) >= shown
    assert not steady or is_open(strategy, local) == shown


def test_hours_past_midnight_are_refused_with_the_two_that_say_it() -> None:
    with pytest.raises(ValueError, match="past midnight: 18:00-24:00, and on the next day 00:00-02:00"):
        always("18:00-02:00")
    bar = StrategyFields.model_validate({"opening_hours": {"friday": ["18:00-24:00"], "saturday": ["00:00-02:00"]}})
    assert spans(bar, "2026-11-20T12:00", "2026-11-21T12:00") == ["20 17:00/21 01:00"]
