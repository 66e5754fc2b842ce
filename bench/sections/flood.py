"""Faults F31 and F32 of docs/faults.md as figures: a minute of 10,000 webhooks, and one customer who never stops."""

from __future__ import annotations

import time

from bench.apps import App
from bench.stage import Stage, percentile

WEBHOOKS, SECONDS, CUSTOMERS = 10_000, 60.0, 2000
WARM_USERS, WARM_SECONDS = 20, 4.0
MODEL = 0.5
PATIENCE = 240.0
OTHERS, PAUSE = 10, 1.0
PER_SECOND = 20
"""What one customer writes."""
LONGEST, GROWTH, UNCHANGED = "<= 1", "<= 60", "<= 1.25"


def run(stage: Stage) -> None:
    """Both ways of running; the limits on what one customer may use are lifted, so that nothing is refused."""
    for way, start in (("embedded", stage.embedded), ("Procfile", stage.procfile)):
        stage.report.begin(f"Floods, {way}, model {MODEL} s")
        stage.town.model.latency = MODEL
        try:
            with start() as app:
                stage.closed_loop(app, WARM_USERS, WARM_SECONDS)
                _one_customer(stage, app)
                _many(stage, app)
        finally:
            stage.town.model.latency = 0.0


def _one_customer(stage: Stage, app: App) -> None:
    """What others wait for their answers, without and with a customer who bombards."""
    seconds = stage.seconds(24.0)
    alone = _others(stage, app, seconds)
    bombarding = stage.crowd(app)
    flood = stage.town.start(bombarding.flood(int(PER_SECOND * seconds), seconds, 1))
    beside = _others(stage, app, seconds)
    refused = flood.result(PATIENCE).refused
    bombarding.close()
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        before, after = percentile(alone, share), percentile(beside, share)
        stage.report.add(f"{OTHERS} customers, answer {name}", before, "s")
        stage.report.add(f"the same beside one who writes {PER_SECOND} messages a second, {name}", after, "s")
        stage.report.add(f"with him : without him, {name}", after / before, "x", UNCHANGED if name == "p50" else "")
    if refused:
        stage.report.note(f"{refused} messages of the one customer were refused")


def _others(stage: Stage, app: App, seconds: float) -> list[float]:
    crowd = stage.crowd(app)
    answers = stage.town.run(crowd.talk(OTHERS, seconds, PAUSE))
    crowd.close()
    if answers.refused or answers.unanswered:
        stage.report.note(f"{answers.refused} messages of others were refused, {answers.unanswered} not answered")
    return answers.between(0.0, time.monotonic())


def _many(stage: Stage, app: App) -> None:
    """How long webhooks wait for their 2xx, what memory grows by, and how long the answers take to come."""
    count, seconds = int(stage.seconds(WEBHOOKS)), stage.seconds(SECONDS)
    crowd, memory, before = stage.crowd(app), app.memory(), stage.town.vendor.sends
    accepted = stage.town.run(crowd.flood(count, seconds, CUSTOMERS), PATIENCE)
    crowd.close()
    ended, largest = time.monotonic(), app.memory()
    until, last = ended + PATIENCE, ended
    answered = before
    while time.monotonic() < min(until, last + 5.0):  # nothing more for five seconds: all are answered
        time.sleep(0.5)
        largest = max(largest, app.memory())
        if (now := stage.town.vendor.sends) != answered:
            answered, last = now, time.monotonic()
    name = f"{count:,} webhooks of {CUSTOMERS:,} customers in {seconds:.0f} s"
    stage.report.add(f"{name}: refused", accepted.refused, "", "<= 0")
    stage.report.add(f"{name}: accepted, p50", percentile(accepted.took, 0.5), "s")
    stage.report.add(f"{name}: accepted, p99", percentile(accepted.took, 0.99), "s", LONGEST)
    stage.report.add(f"{name}: growth of memory at its largest", (largest - memory) / 1e6, "MB", GROWTH)
    stage.report.add(f"{name}: replies, each to what one customer wrote meanwhile", answered - before)
    stage.report.add(f"{name}: last reply after the last webhook", last - ended, "s")
