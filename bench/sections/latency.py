"""Added latency over the model's own, from the customer's webhook to the vendor's receipt of the answer."""

from __future__ import annotations

import time

from bench.apps import App
from bench.customers import Answers
from bench.stage import Stage, percentile

MODEL, PAUSE = 0.5, 10.0
CONVERSATIONS = (1, 10, 100, 500)


def run(stage: Stage) -> None:
    """Both ways of running."""
    for way, start in (("embedded", stage.embedded), ("Procfile", stage.procfile)):
        stage.report.begin(f"Latency, {way}")
        try:
            with start() as app:
                _idle(stage, app)
                for conversations in CONVERSATIONS:
                    _added(stage, app, conversations)
                _hundred(stage, app)
                _at_once(stage, app)
        finally:
            stage.town.model.latency = 0.0


def _talk(stage: Stage, app: App, users: int, seconds: float, pause: float) -> Answers:
    crowd, answers = stage.crowd(app), Answers()
    stage.town.run(crowd.talk(users, stage.seconds(seconds), pause, answers))
    crowd.close()
    if answers.refused or answers.unanswered:
        stage.report.note(f"{users} conversations: {answers.refused} refused, {answers.unanswered} not answered")
    return answers


def _idle(stage: Stage, app: App) -> None:
    stage.town.model.latency = 0.0
    took = _talk(stage, app, 1, 9.0, 0.3).between(0.0, time.monotonic())
    stage.report.add("one customer now and then: added, p50", 1000 * percentile(took, 0.5), "ms", "<= 60")


def _added(stage: Stage, app: App, conversations: int) -> None:
    """Each conversation has a message every `PAUSE` seconds or so; the first moments are not counted."""
    stage.town.model.latency = MODEL
    begun, pause = time.monotonic(), 1.0 if conversations == 1 else PAUSE
    took = _talk(stage, app, conversations, 18.0, pause).between(begun + 2.0, time.monotonic())
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        added = 1000 * (percentile(took, share) - MODEL)
        stage.report.add(f"{conversations} conversations, each writing every {pause:.0f} s: added, {name}", added, "ms")


def _hundred(stage: Stage, app: App) -> None:
    stage.town.model.latency = MODEL
    begun = time.monotonic()
    took = _talk(stage, app, 100, 10.0, 0.0).between(begun + 2.0, time.monotonic())
    stage.report.add("100 users without pause, model 0.5 s: answer p50", percentile(took, 0.5), "s")
    stage.report.add("100 users without pause, model 0.5 s: answer p99", percentile(took, 0.99), "s", "<= 1.5")


def _at_once(stage: Stage, app: App) -> None:
    stage.town.model.latency = 1.0
    crowd = stage.crowd(app)
    slowest = max(max(took for _, took in stage.town.run(crowd.write_once(100)).seen) for _ in range(3))
    crowd.close()
    stage.report.add("100 conversations at once, model 1 s, three times: slowest answer", slowest, "s", "<= 2")
