"""CPU per message by step, and statements and transactions per message, counted inside the product."""

from __future__ import annotations

import time
from typing import Any

from bench.apps import Receptionist, difference
from bench.customers import Answers
from bench.stage import Stage

USERS = 10
TRANSACTIONS, STATEMENTS = "<= 3", "<= 8"


def run(stage: Stage) -> None:
    """By a drop-in that wraps the steps, so these figures are a little higher than undisturbed ones."""
    stage.report.begin("One message: CPU by step, statements, transactions (embedded, known customers)")
    with stage.embedded(meter=True) as app:
        counted, cpu, answered = _talk(stage, app)
    add = stage.report.add
    add("transactions per message that write", counted["transactions"].get("writing", 0) / answered)
    add("transactions per message", sum(counted["transactions"].values()) / answered, "", TRANSACTIONS)
    add("statements per message", sum(counted["statements"].values()) / answered, "", STATEMENTS)
    for statement, count in sorted(counted["statements"].items(), key=lambda pair: -pair[1]):
        if count / answered >= 0.05:
            add(f"`{statement.replace('|', '')} …`", count / answered, "times")
    in_steps = 0.0
    for step, seconds in sorted(counted["cpu"].items(), key=lambda pair: -pair[1]):
        in_steps += seconds
        add(f"step: {step} ({counted['calls'][step] / answered:.2f} calls)", 1000 * seconds / answered, "ms CPU")
    add("the rest: HTTP serving, queue, waking threads", 1000 * (cpu - in_steps) / answered, "ms CPU")
    add("all", 1000 * cpu / answered, "ms CPU")


def _talk(stage: Stage, app: Receptionist) -> tuple[dict[str, Any], float, int]:
    """What was counted, the seconds of CPU, and the answered messages, once every customer is known."""
    crowd = stage.crowd(app)
    stage.town.run(crowd.rounds(USERS, 2))
    before, cpu = app.meters(), sum(app.cpu().values())
    answers: Answers = stage.town.run(crowd.rounds(USERS, 12))
    cpu = sum(app.cpu().values()) - cpu
    crowd.close()
    time.sleep(0.3)
    return difference(app.meters(), before), cpu, len(answers.seen)
