"""Taking in comes first: when messages wait for it, answering makes way, and nothing is lost by that."""

from __future__ import annotations

import threading
import time

import pytest

from receptionist.pipeline import rush as module
from receptionist.pipeline.rush import AT_ONCE, FEWEST, LEAST, LONGEST_SECONDS, MOST, Pace, Rush
from tests.harness.house import House

SLOW = 2 * LONGEST_SECONDS


class Clock:
    """Stands in for the clock of the module under test, so that nobody waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def said(clock: Clock) -> tuple[Rush, list[float]]:
    """A rush to which a quick message came already, and when it was said."""
    times: list[float] = []
    rush = Rush()
    rush.say = lambda: times.append(clock.now)
    store(rush, clock, 0.005)
    return rush, times


def store(rush: Rush, clock: Clock, *seconds: float) -> None:
    """Messages that begin to be stored at the same moment and take so long each."""
    begun = clock.now
    for each in seconds:
        clock.now = begun
        with rush.storing():
            clock.now += each


def test_messages_that_wait_long_are_a_rush(said: tuple[Rush, list[float]], clock: Clock) -> None:
    rush, times = said
    for _ in range(5):
        store(rush, clock, *[SLOW] * FEWEST)
    assert 3 <= len(times) <= 5


def test_a_few_slow_ones_among_quick_ones_are_none(said: tuple[Rush, list[float]], clock: Clock) -> None:
    rush, times = said
    for _ in range(20):
        store(rush, clock, *[SLOW] * FEWEST, *[0.01] * FEWEST)
    assert times == []


def test_slow_ones_far_apart_are_none(said: tuple[Rush, list[float]], clock: Clock) -> None:
    rush, times = said
    for _ in range(20):
        store(rush, clock, SLOW)
        clock.now += 10
    assert times == []


def test_a_database_that_is_far_away_is_none(said: tuple[Rush, list[float]], clock: Clock) -> None:
    rush, times = said
    clock.now += 10 * module.LATELY_SECONDS
    store(rush, clock, SLOW)
    clock.now += module.LATELY_SECONDS
    for _ in range(100):
        store(rush, clock, *[SLOW] * 20)
    assert times == []


def test_what_could_not_be_stored_counts_too(said: tuple[Rush, list[float]], clock: Clock) -> None:
    rush, times = said
    for _ in range(2 * FEWEST):
        with pytest.raises(ConnectionError), rush.storing():
            clock.now += SLOW
            raise ConnectionError
    assert times == [], "they came one after the other, and not so many in an interval"
    for _ in range(2):
        store(rush, clock, *[5.0] * FEWEST)
    assert times


def hurried(pace: Pace) -> Pace:
    """The pace at its slowest, and the account 1 has begun with all that it may at once."""
    pace._rate, pace._changed = LEAST, time.monotonic()
    for _ in range(AT_ONCE):
        pace.begin(1)
    return pace


@pytest.fixture
def slow_growth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FASTER", 1.0)


@pytest.mark.usefixtures("slow_growth")
def test_in_a_rush_an_account_begins_with_so_many_per_second() -> None:
    pace = hurried(Pace())
    begun = time.monotonic()
    for _ in range(3):
        pace.begin(1)
    assert time.monotonic() - begun >= 2 / LEAST


@pytest.mark.usefixtures("slow_growth")
def test_other_accounts_wait_for_nobody_and_who_ends_neither() -> None:
    pace = hurried(Pace())
    waiting = [threading.Thread(target=pace.begin, args=(1,)) for _ in range(100)]  # 16 seconds' worth
    for thread in waiting:
        thread.start()
    for _ in range(AT_ONCE):
        pace.begin(2)
    assert sum(thread.is_alive() for thread in waiting) > 50
    pace.end()
    for thread in waiting:
        thread.join(5.0)
    assert not any(thread.is_alive() for thread in waiting)


@pytest.mark.usefixtures("slow_growth")
def test_what_was_begun_with_for_nothing_is_not_counted() -> None:
    pace = hurried(Pace())
    begun = time.monotonic()
    for _ in range(60):
        pace.begin(1)
        pace.unused(1)
    assert time.monotonic() - begun < 60 / LEAST / 2


def test_the_pace_falls_in_a_rush_and_grows_after_it(clock: Clock) -> None:
    pace = Pace()
    for _ in range(50):
        pace.begin(1)
        clock.now += 0.01
    assert pace.per_second() > MOST
    falling = []
    for _ in range(8):
        pace.slow_down()
        pace.slow_down()  # one that is said twice counts once
        falling.append(pace.per_second())
        clock.now += module.INTERVAL_SECONDS
    assert 40 < falling[0] < 60 and falling[-1] == LEAST and falling == sorted(falling, reverse=True)
    clock.now += 10.0
    assert pace.per_second() > MOST


def test_a_house_whose_messages_wait_makes_way(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_SECONDS", -1.0)
    pace = house.runner.drain.pace
    assert pace.per_second() > MOST
    visitor = house.visitor()
    for _ in range(2):
        for number in range(FEWEST):
            visitor.send(f"This is message {number}.")
        time.sleep(module.INTERVAL_SECONDS)
    visitor.send("Are you open?")
    assert pace.per_second() < MOST


@pytest.mark.usefixtures("slow_growth")
def test_all_are_answered_though_answering_makes_way(house: House) -> None:
    hurried(house.runner.drain.pace)
    begun = time.monotonic()
    assert all(house.visitor().say("Are you open on Monday?") for _ in range(3))
    assert time.monotonic() - begun >= 2 / LEAST, "it was held back"


@pytest.mark.usefixtures("slow_growth")
def test_who_is_told_to_stop_begins_with_nothing_that_was_held_back(house: House) -> None:
    hurried(house.runner.drain.pace)
    visitors = [house.visitor() for _ in range(4)]
    for visitor in visitors:
        visitor.send("Are you open on Monday?")
    rung, house.rung[:] = list(house.rung), []
    threads = [threading.Thread(target=house.runner.drain, args=(each,)) for each in rung]
    house.runner.drain.pace._gates[1].due += 60.0
    for thread in threads:
        thread.start()
    house.runner.drain.stopping.set()
    house.runner.drain.pace.end()
    for thread in threads:
        thread.join(10.0)
    assert house.sql("SELECT count(*) AS turns FROM turns")[0].turns == 0
    assert house.sql("SELECT count(*) AS held FROM conversations WHERE fence > 0")[0].held == 0
