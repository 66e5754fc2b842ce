"""Memory over many messages: it must stay where it is."""

from __future__ import annotations

import time

from bench.customers import Answers
from bench.stage import Stage

FIRST, MESSAGES, USERS = 2000, 10_000, 50
LONGEST = 150.0
ALLOWED = "<= 10"


def run(stage: Stage) -> None:
    """Embedded: after the first messages filled all caches and pools, and after `MESSAGES` more."""
    stage.report.begin(f"Memory over {MESSAGES:,} messages (embedded)")
    first, more = (FIRST, MESSAGES) if not stage.quick else (FIRST // 4, MESSAGES // 5)
    with stage.embedded() as app:
        crowd, answers = stage.crowd(app), Answers()
        talk = stage.town.start(crowd.talk(USERS, LONGEST, answers=answers))
        _until(answers, first, LONGEST)
        before, counted = app.memory(), len(answers.seen)
        _until(answers, first + more, LONGEST)
        after, counted = app.memory(), len(answers.seen) - counted
        crowd.leave()
        talk.result(90)
        crowd.close()
    stage.report.add(f"after {first:,} messages", before / 1e6, "MB")
    stage.report.add(f"growth over the next {counted:,} messages", (after - before) / 1e6, "MB", ALLOWED)


def _until(answers: Answers, count: int, seconds: float) -> None:
    end = time.monotonic() + seconds
    while len(answers.seen) < count and time.monotonic() < end:
        time.sleep(0.1)
