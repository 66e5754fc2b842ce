"""Time and size of an agent that is made and dropped, prompt included."""

from __future__ import annotations

import json

from bench.stage import Stage


def run(stage: Stage) -> None:
    """In a process of its own, on an installed strategy."""
    stage.report.begin("An agent made and disposed of")
    with stage.embedded() as app:
        cost = json.loads(app.python("-m", "bench.agent_cost"))
    stage.report.add("create_agent and dispose", cost["milliseconds"], "ms", "<= 1")
    stage.report.add("size of an agent", cost["bytes"] / 1000, "kB", "<= 5")
