"""From a live event to the browsers: delay and memory with many open chat sockets."""

from __future__ import annotations

import time

from bench.apps import CHAT_LINE, Receptionist
from bench.sockets import connect
from bench.stage import Stage, percentile

OPENING_SECONDS = 40.0
SETTLING_SECONDS = 3.0
"""Until the model's client is warm, which costs CPU of its own."""
TARGETS = {100: "<= 20", 1000: "<= 50"}


def run(stage: Stage) -> None:
    """One event a second to each connection, published within the web process and read from its socket."""
    for connections, target in TARGETS.items():
        stage.report.begin(f"Live events to {connections:,} open chat sockets, one a second each")
        with stage.embedded(meter=True, web_threads=connections + 40) as app:
            _measure(stage, app, connections, target)


def _measure(stage: Stage, app: Receptionist, connections: int, target: str) -> None:
    delays: list[float] = []
    before = app.memory()
    visitors = stage.town.run(connect(app.port, CHAT_LINE, connections, delays, OPENING_SECONDS))
    addresses = [address for _, address in visitors]
    if len(visitors) < connections:
        stage.report.note(f"only {len(visitors):,} sockets could be opened in {OPENING_SECONDS:.0f} s")
    memory = (app.memory() - before) / len(visitors)
    seconds = stage.seconds(12.0)
    wanted = {"line": app.lines["chat"], "addresses": addresses, "rate": len(visitors), "seconds": seconds}
    time.sleep(SETTLING_SECONDS)
    cpu = app.cpu()["run"]
    app.order(wanted)
    time.sleep(seconds + 1.5)
    spent = app.cpu()["run"] - cpu
    took = sorted(delays)
    stage.report.add("events that arrived, of those published", len(took) / int(len(visitors) * seconds))
    stage.report.add("event to browser, p50", 1000 * percentile(took, 0.5), "ms")
    stage.report.add("event to browser, p99", 1000 * percentile(took, 0.99), "ms", target)
    stage.report.add("CPU per event", 1000 * spent / max(1, len(took)), "ms")
    stage.report.add("memory per connection", memory / 1000, "kB")
    for visitor, _ in visitors:
        visitor.transport.abort()
