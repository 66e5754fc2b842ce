"""Time and size of an agent that is made and dropped, prompt included."""

from __future__ import annotations

import json

from bench.stage import Stage


def run(stage: Stage) -> None:
    """In a process of its own, on installed strategies; all bundled plugins are on, for their tools."""
    stage.report.begin("An agent made and disposed of")
    with stage.embedded(disabled_plugins="", openai_flavor="openai") as app:
        cost = json.loads(app.python("-m", "bench.agent_cost"))
    names = {"plain": "", "full": f", every field of strategy and lead filled in, {cost['tools']} tools"}
    for kind, name in names.items():
        stage.report.add(f"create_agent and dispose{name}", cost[kind]["milliseconds"], "ms CPU", "<= 1")
        stage.report.add(f"size of an agent{name}", cost[kind]["bytes"] / 1000, "kB", "<= 5")
