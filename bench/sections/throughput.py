"""End-to-end messages per second and CPU per message, in a closed loop, beside the floor."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

from bench.apps import App
from bench.stage import Measured, Stage, percentile

USERS = (1, 10, 100)
WARM_SECONDS = 4.0
RATIO = "<= 1.6"
Start = Callable[[], AbstractContextManager[App]]


def run(stage: Stage) -> None:
    """Messages per second with a model of no latency, both ways of running."""
    stage.report.begin("End to end: closed loop, model without latency")
    _pair(stage, partial(stage.floor, postgresql=False), stage.embedded, ">= 100")
    _pair(stage, partial(stage.floor, postgresql=True), stage.procfile, ">= 120")


def _pair(stage: Stage, floor: Start, ours: Start, target: str) -> None:
    below = _app(stage, floor, "")
    above = _app(stage, ours, target)
    for users, mine in above.items():
        ratio = mine.all_cpu / below[users].all_cpu
        stage.report.add(f"CPU per message, ours : floor, {users} users", ratio, "x", RATIO if users == 100 else "")
    speed = above[100].per_second / below[100].per_second
    stage.report.add("messages per second, ours : floor, 100 users", speed, "x")


def _app(stage: Stage, start: Start, target: str) -> dict[int, Measured]:
    with start() as app:
        stage.closed_loop(app, 10, WARM_SECONDS)  # each process loads the model's library at its first call
        return {users: _measure(stage, app, users, target if users == 100 else "") for users in USERS}


def _measure(stage: Stage, app: App, users: int, target: str) -> Measured:
    measured = stage.closed_loop(app, users, stage.seconds(4.0 if users == 1 else 8.0))
    add, name = stage.report.add, f"{app.name}, {users} users"
    add(f"{name}: answered", measured.per_second, "messages/s", target)
    add(f"{name}: answer p50", 1000 * percentile(measured.took, 0.5), "ms")
    add(f"{name}: answer p99", 1000 * percentile(measured.took, 0.99), "ms")
    parts = " + ".join(f"{each} {value:.2f}" for each, value in measured.cpu.items())
    add(f"{name}: CPU per message ({parts}; load generator {measured.load_cpu:.2f})", measured.all_cpu, "ms")
    if measured.lost:
        stage.report.note(f"{name}: {measured.lost} messages were refused or not answered")
    return measured
