"""Lists and look-ups over many leads: 10,000 of them, 100,000 with --large, ten times as many messages."""

from __future__ import annotations

import json
import time

from bench.stage import Stage

MILLISECONDS = "<= 50"


def run(stage: Stage) -> None:
    """On both databases; nobody writes meanwhile."""
    messages = 1_000_000 if stage.large else 100_000
    stage.report.begin(
        f"Lists and look-ups over {messages // 10:,} leads and {messages:,} messages, 9 of 10 are quicker"
    )
    for start, name in ((stage.embedded, "SQLite"), (stage.procfile, "PostgreSQL")):
        begun = time.monotonic()
        with start(stored=messages) as app:
            stage.report.add(f"{name}: stored, and the app started", time.monotonic() - begun, "s")
            for what, milliseconds in json.loads(app.python("-m", "bench.list_times")).items():
                stage.report.add(f"{name}: {what}", milliseconds, "ms", MILLISECONDS)
