"""Accepted webhooks per second and CPU of accepting one, beside a bare Flask route with one insert."""

from __future__ import annotations

from bench.apps import App
from bench.stage import Stage

CONNECTIONS = 16
NO_ANSWER = 600.0
"""Seconds the model takes here, so that nothing but accepting uses the CPU."""


def run(stage: Stage) -> None:
    """The same signed webhooks, one a customer; ours both from new customers and from known ones."""
    stage.report.begin(f"Accept: signed webhooks over {CONNECTIONS} connections, nothing answered meanwhile")
    count = 800 if stage.quick else 2000
    bare: dict[str, float] = {}
    stage.town.model.latency = NO_ANSWER
    try:
        for postgresql in (False, True):
            with stage.floor(postgresql=postgresql) as app:
                _write(stage, app, "bare route with one insert", count, "/bare")
                name = "PostgreSQL" if postgresql else "SQLite"
                bare[name] = _write(stage, app, "bare route with one insert, again", count, "/bare")
        with stage.embedded() as ours:
            _ours(stage, ours, count, bare["SQLite"])
        with stage.procfile() as ours:
            _ours(stage, ours, count, bare["PostgreSQL"])
    finally:
        stage.town.model.latency = 0.0


def _ours(stage: Stage, app: App, count: int, bare: float) -> None:
    _write(stage, app, "new customers", count, None)
    mine = _write(stage, app, "known customers", count, None)
    app.kill()
    stage.report.add("CPU per accepted webhook, ours : bare route", mine / bare, "x")


def _write(stage: Stage, app: App, what: str, count: int, path: str | None) -> float:
    """Writes, reports and returns ms of CPU per webhook, of web process and database."""
    crowd, before = stage.crowd(app), app.cpu()
    per_second = stage.town.run(crowd.only_write(count, CONNECTIONS, path))
    crowd.close()
    spent = sum(app.cpu().values()) - sum(before.values())
    stage.report.add(f"{app.name}, {what}: accepted", per_second, "webhooks/s")
    stage.report.add(f"{app.name}, {what}: CPU", 1000 * spent / count, "ms")
    return spent / count
