"""CPU per message by step, and statements and transactions per message, counted inside the product."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from typing import Any

from bench.apps import CHAT_LINE, Receptionist, difference
from bench.customers import Answers
from bench.http import Client
from bench.stage import Stage

USERS = 10
TRANSACTIONS, STATEMENTS = "<= 3", "<= 8"
PATIENCE = 60.0
ROUNDS = 12


def run(stage: Stage) -> None:
    """By a drop-in that wraps the steps, so these figures are a little higher than undisturbed ones."""
    stage.report.begin("One message: CPU by step, statements, transactions (embedded, known customers)")
    with stage.embedded(meter=True) as app:
        chatted, written = stage.town.run(_chat(app, stage), PATIENCE)
        counted, cpu, answered = _talk(stage, app)
    add = stage.report.add
    for way, found, count in (("fetched (web chat)", chatted, written), ("sent, then marked", counted, answered)):
        targets = (TRANSACTIONS, STATEMENTS) if found is chatted else ("", "")  # a mark is a transaction more
        for kind, target in zip(("transactions", "statements"), targets, strict=True):
            each = round(sum(found[kind].values()) / count, 1)  # once a second a line is looked up anew
            add(f"reply is {way}: {kind} per message", each, "", target)
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
    answers: Answers = stage.town.run(crowd.rounds(USERS, ROUNDS))
    cpu = sum(app.cpu().values()) - cpu
    crowd.close()
    time.sleep(0.3)
    return difference(app.meters(), before), cpu, len(answers.seen)


async def _chat(app: Receptionist, stage: Stage) -> tuple[dict[str, Any], int]:
    """What web chat messages counted, and how many there were, once every visitor is known."""
    client = Client(app.port)
    same_site = "Sec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\n"
    sessions = [await client.post(f"/webchat/{CHAT_LINE}/session", b"{}", same_site) for _ in range(USERS)]
    tokens = [json.loads(body)["token"] for _, body in sessions]

    async def everybody_writes() -> None:
        answered = stage.town.model.calls + USERS
        for token in tokens:
            body = json.dumps({"id": str(uuid.uuid4()), "text": "Are you open on Monday?"}).encode()
            status, answer = await client.post(
                f"/webchat/{CHAT_LINE}/messages", body, f"{same_site}Authorization: Bearer {token}\r\n"
            )
            if status != 202:
                raise RuntimeError(f"refused with {status}: {answer[:200]!r}")
        while stage.town.model.calls < answered:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.5)  # the last of them is recorded

    for _ in range(2):
        await everybody_writes()
    before = await asyncio.to_thread(app.meters)
    for _ in range(ROUNDS):
        await everybody_writes()
    found = difference(await asyncio.to_thread(app.meters), before)
    client.close()
    return found, USERS * ROUNDS
