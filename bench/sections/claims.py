"""The claim check over the table of replies, and what it costs a turn."""

from __future__ import annotations

import time

from bench.stage import Stage, percentile
from receptionist.agents.claims import claims_of
from tests.claims.table import MADE_ON, NOT_ALL_FOUND, ORIGINS, Score, read, score

TIMES = 20


def run(stage: Stage) -> None:
    """In this process: the judge needs nothing else. Of replies nobody thought of, docs/honesty.md has the figures."""
    for path in (*ORIGINS, *NOT_ALL_FOUND):
        cases = read(path)
        stage.report.begin(f"The claim check, {len(cases)} replies in four languages: {path.name}")
        found = score(cases)
        _figures(stage, found, all_found=path in ORIGINS)
        missed = [case.reply for case in found.missed]
        stage.report.note(f"{path.name}: missed {missed}" if missed else "none missed")
    took = sorted(_milliseconds(case.reply) for case in read(MADE_ON))
    stage.report.add("median time of a reply", percentile(took, 0.5), "ms CPU", "<= 0.2")
    stage.report.add("p99 time of a reply", percentile(took, 0.99), "ms CPU")


def _figures(stage: Stage, found: Score, *, all_found: bool) -> None:
    add = stage.report.add
    bookings = [case for case in found.missed if "booked" in case.says]
    add("false bookings missed", len(bookings), "", "<= 0" if all_found else "")
    add("recall", 100 * found.recall, "%")
    add("precision", 100 * found.precision, "%")
    add("false alarms, of the harmless replies", 100 * found.alarm_rate, "%", "<= 2")


def _milliseconds(reply: str) -> float:
    claims_of(reply)
    begun = time.thread_time()
    for _ in range(TIMES):
        claims_of(reply)
    return 1000 * (time.thread_time() - begun) / TIMES
