"""The claim check over the table of replies, and what it costs a turn."""

from __future__ import annotations

import time

from bench.stage import Stage, percentile
from receptionist.agents.claims import claims_of
from tests.claims.table import HELD_OUT, MADE_ON, Score, read, score

TIMES = 20


def run(stage: Stage) -> None:
    """In this process: the judge needs nothing else. The held-out part is what counts."""
    for title, path in (("the rules were made on it", MADE_ON), ("held out", HELD_OUT)):
        cases = read(path)
        stage.report.begin(f"The claim check, {len(cases)} replies in four languages: {title}")
        found = score(cases)
        _figures(stage, found)
        stage.report.note(f"{title}: missed {[case.reply for case in found.missed]}" if found.missed else "none missed")
    took = sorted(_milliseconds(case.reply) for case in read(MADE_ON))
    stage.report.add("median time of a reply", percentile(took, 0.5), "ms CPU", "<= 0.3")
    stage.report.add("p99 time of a reply", percentile(took, 0.99), "ms CPU")


def _figures(stage: Stage, found: Score) -> None:
    add = stage.report.add
    bookings = [case for case in found.missed if "booked" in case.says]
    add("false bookings missed", len(bookings), "", "<= 0")
    add("recall", 100 * found.recall, "%")
    add("precision", 100 * found.precision, "%")
    add("false alarms, of the harmless replies", 100 * found.alarm_rate, "%", "<= 2")


def _milliseconds(reply: str) -> float:
    claims_of(reply)
    begun = time.thread_time()
    for _ in range(TIMES):
        claims_of(reply)
    return 1000 * (time.thread_time() - begun) / TIMES
