"""Traces of old turns and old days of usage go; what is younger stays."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from receptionist.db import Scope, db_now
from receptionist.models import Turn, UsageDay, UsageMonth
from receptionist.pipeline import retention
from receptionist.pipeline.retention import Retention
from tests.harness.house import House

DAY = 86_400.0


def begin(house: House) -> None:
    """A conversation, whose only turn was 60 days ago."""
    house.visitor().say("hello")
    with house.parts.database.begin() as connection:
        connection.execute(sa.update(Turn).values(started_at=db_now(-60 * DAY)))
        connection.execute(sa.delete(UsageDay))


def add_turns(house: House, *ages: float) -> None:
    """Turns that began so many days ago, the oldest first."""
    with house.parts.database.begin() as connection:
        scope = Scope(connection, 1)
        for age in ages:
            scope.insert(Turn, conversation_id=1, state="done", trace={"rounds": []}, started_at=db_now(-DAY * age))


def traced(house: House) -> list[bool]:
    with house.parts.database.read() as connection:
        return [trace is not None for trace in connection.execute(sa.select(Turn.trace).order_by(Turn.id)).scalars()]


@pytest.mark.parametrize("batch", [2, 500])
def test_old_traces_and_days_go_in_batches(house: House, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr(retention, "BATCH", batch)
    monkeypatch.setattr(retention, "BREATH_SECONDS", 0.0)
    begin(house)
    add_turns(house, 50, 40, 31, 31, 31, 29, 1)
    today = datetime.now(UTC).date()
    ages = (500, 402, 402, 402, 399, 0)
    with house.parts.database.begin() as connection:
        for number, age in enumerate(ages):
            day: date = today - timedelta(days=age)
            scope = Scope(connection, 1)
            scope.insert(UsageDay, day=day, kind="lead", subject_id=number)
            scope.insert(UsageMonth, month=day.replace(day=1), lead_id=number)
    old = Retention(house.parts.database, house.parts.settings.trace_days)
    old.forget_old()
    assert traced(house) == [False] * 6 + [True] * 2
    with house.parts.database.read() as connection:
        days = list(connection.execute(sa.select(UsageDay.day).order_by(UsageDay.day)).scalars())
        months = list(connection.execute(sa.select(UsageMonth.month).order_by(UsageMonth.month)).scalars())
    assert days == [today - timedelta(days=399), today]
    oldest = (today - timedelta(days=retention.USAGE_DAYS)).replace(day=1)
    assert months[0] >= oldest and months[-2:] == [each.replace(day=1) for each in days]
    assert len(months) < len(ages), "a month goes with the last of its days"
    add_turns(house, 0)
    house.sql("UPDATE turns SET started_at = (SELECT min(started_at) FROM turns)")
    old.forget_old()
    assert not any(traced(house)), "what grew old since, too"


def test_a_process_that_answers_lets_go_by_itself(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.harness.waiting import eventually

    monkeypatch.setattr(retention, "FIRST_SECONDS", 0.01)
    begin(house)
    add_turns(house, 50)
    house.start()
    eventually(lambda: not any(traced(house)))
