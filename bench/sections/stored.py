"""The same speed over 1,000,000 stored messages; only with --large, for they take a while to store."""

from __future__ import annotations

from bench.stage import Stage, percentile

STORED = 1_000_000
USERS = 100


def run(stage: Stage) -> None:
    """Both ways of running."""
    if not stage.large:
        return
    stage.report.begin(f"End to end over {STORED:,} stored messages, {USERS} users")
    for start, target in ((stage.embedded, ">= 100"), (stage.procfile, ">= 120")):
        with start(stored=STORED) as app:
            measured = stage.closed_loop(app, USERS, stage.seconds(10.0))
        stage.report.add(f"{app.name}: answered", measured.per_second, "messages/s", target)
        stage.report.add(f"{app.name}: answer p99", 1000 * percentile(measured.took, 0.99), "ms")
        stage.report.add(f"{app.name}: CPU per message", measured.all_cpu, "ms")
