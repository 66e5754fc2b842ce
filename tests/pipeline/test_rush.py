"""Taking in comes first: when messages wait for it, answering makes way, and nothing is lost by that."""

from __future__ import annotations

import threading
import time

import pytest

from receptionist.pipeline import rush as module
from receptionist.pipeline.rush import FEWEST, LEAST, LONGEST_SECONDS, Pace, Rush
from tests.harness.house import House


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
    """A rush, and when it was said."""
    times: list[float] = []
    rush = Rush()
    rush.say = lambda: times.append(clock.now)
    return rush, times


def take(rush: Rush, clock: Clock, seconds: float) -> None:
    with rush.taking():
        clock.now += seconds


def test_messages_that_wait_long_are_a_rush(said: tuple[Rush, list[float]], clock: Clock) -> None:
    rush, times = said
    for _ in range(10 * FEWEST):
        take(rush, clock, 2 * LONGEST_SECONDS)
    assert 1 <= len(times) <= 10


def test_a_few_slow_ones_among_quick_ones_are_none(said: tuple[Rush, list[float]], clock: Clock) -> None:
    rush, times = said
    for _ in range(10 * FEWEST):
        take(rush, clock, 2 * LONGEST_SECONDS)
        for _ in range(3):
            take(rush, clock, LONGEST_SECONDS / 10)
    assert times == []


def test_what_could_not_be_taken_in_counts_too(said: tuple[Rush, list[float]], clock: Clock) -> None:
    rush, times = said
    for _ in range(FEWEST):
        with pytest.raises(ConnectionError), rush.taking():
            clock.now += 5.0
            raise ConnectionError
    assert times


def begun_in(pace: Pace, seconds: float, threads: int = 8) -> int:
    """How many conversations eight threads begin with in this time."""
    counts = [0] * threads
    end = time.monotonic() + seconds

    def work(number: int) -> None:
        while time.monotonic() < end:
            pace.begin(1)
            counts[number] += time.monotonic() < end
            time.sleep(0.001)  # the work

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts)


def test_a_rush_lets_a_process_begin_with_fewer_and_then_with_more_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INTERVAL_SECONDS", 0.02)
    pace = Pace()
    free = begun_in(pace, 0.2)
    stop = threading.Event()

    def hurry() -> None:
        while not stop.wait(0.01):
            pace.slow_down()

    hurrying = threading.Thread(target=hurry)
    hurrying.start()
    begun_in(pace, 0.3)
    slow = begun_in(pace, 1.0)
    stop.set()
    hurrying.join()
    assert free > 100
    assert 1 <= slow <= 3 * LEAST
    begun_in(pace, 1.5)  # 75 intervals without a rush
    assert begun_in(pace, 0.2) > free / 4


def test_other_accounts_wait_for_nobody() -> None:
    pace = Pace()
    pace.begin(1)
    time.sleep(0.3)  # so that this is the usual pace: a few in a second
    pace.begin(1)
    pace.slow_down()
    waiting = [threading.Thread(target=pace.begin, args=(1,)) for _ in range(4)]
    for thread in waiting:
        thread.start()
    begun = time.monotonic()
    pace.begin(2)
    assert time.monotonic() - begun < 0.5 / LEAST
    assert sum(thread.is_alive() for thread in waiting) >= 2
    pace.end()
    for thread in waiting:
        thread.join()


def test_who_ends_waits_for_nobody() -> None:
    pace = Pace()
    for _ in range(3):
        pace.begin(1)
        pace.slow_down()
    pace.end()
    begun = time.monotonic()
    for _ in range(20):
        pace.begin(1)
    assert time.monotonic() - begun < 1.0


def test_all_are_answered_though_answering_makes_way(house: House) -> None:
    house.runner.drain.pace.slow_down()
    assert all(house.visitor().say("Are you open on Monday?") for _ in range(3))
