"""One run: customers write, faults happen, everything comes to rest, and the customers are asked what they got."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.faults import Menu
from tests.chaos.people import Crowd
from tests.chaos.stage import Stage, Way
from tests.chaos.verdict import Verdict, judge

DUPLICATES = 0.1
LONGEST_PAUSE = 20.0
"""Between two faults, where nothing is taken in any more."""
LONGEST_RUN = 900.0
REST_SECONDS = 60.0
"""How long after the last message and fault everything must be answered."""


@dataclass(frozen=True)
class Plan:
    """How much of everything."""

    way: Way
    seed: int
    messages: int = 1000
    conversations: int = 50
    faults: int = 60
    seconds: float = 150.0
    """Over which the messages are written, if all goes well."""


def run(plan: Plan, tell: Callable[[str], None] = lambda line: None) -> tuple[Verdict, str]:
    """Play it; the verdict and the processes' logs. `tell` hears a line about every second."""
    with Stage(plan.way) as stage:
        crowd = Crowd(stage, plan.messages, plan.conversations, plan.seed)
        menu = Menu(stage, random.Random(plan.seed))
        begun = time.monotonic()
        crowd.start(plan.seconds, DUPLICATES)
        threads = _faults(menu, crowd, plan, tell)
        errors = _end(stage, crowd, threads, tell)
        seconds = time.monotonic() - begun
        verdict = judge(stage, crowd.people, menu.done, plan.seed, seconds, errors)
        return verdict, stage.logs()


def _faults(menu: Menu, crowd: Crowd, plan: Plan, tell: Callable[[str], None]) -> list[threading.Thread]:
    """Begin a fault after every few messages, whether or not the last one is over, until there were enough.

    Messages and not seconds say when, so that a slow machine, which starts processes slowly, has its faults spread too.
    """
    threads: list[threading.Thread] = []
    spread, due = random.Random(plan.seed + 1), 0.0
    for number in range(plan.faults):
        due += spread.uniform(0.4, 1.6) * plan.messages / (plan.faults + 1)
        _wait(lambda due=due: crowd.sent >= due or not crowd.writing, LONGEST_PAUSE)  # type: ignore[misc]
        if not crowd.writing:
            break
        threads.append(threading.Thread(target=menu.one, daemon=True))
        threads[-1].start()
        last = menu.done[-1] if menu.done else None
        tell(
            f"{time.monotonic() - menu.started:5.0f} s  {crowd.sent:5} of {plan.messages} messages taken in, "
            f"{number + 1:3} of {plan.faults} faults" + (f"; the last: {last.number} {last.what}" if last else "")
        )
    return threads


def _wait(wanted: Callable[[], bool], timeout: float) -> None:
    until = time.monotonic() + timeout
    while not wanted() and time.monotonic() < until:
        time.sleep(0.02)


def _end(stage: Stage, crowd: Crowd, threads: list[threading.Thread], tell: Callable[[str], None]) -> list[str]:
    _wait(lambda: not crowd.writing, LONGEST_RUN)
    tell("all is written; waiting until all is answered")
    for thread in threads:
        thread.join(30)
    errors = [repr(error) for error in crowd.errors]
    if not stage.settle(REST_SECONDS):
        errors.append(f"there was work left {REST_SECONDS:.0f} s after the last message and fault")
    time.sleep(1)  # for what would come late
    if not stage.settle(20):
        errors.append("somebody began anew")
    return errors
