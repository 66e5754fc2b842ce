"""S58: a hundred leads at once, each with words of its own everywhere; nobody is ever shown another one's."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from receptionist import Sender, WebhookRequest
from receptionist.contracts.strategy import StrategyFields
from receptionist.db import Scope
from receptionist.services import accounts, lines
from receptionist.services.strategies import strategies
from tests.harness.house import House
from tests.servers.brain import Brain, Calls, Piece, Question

LEADS, ACCOUNTS, THREADS = 100, 4, 12
CANARY = re.compile(r"canary-[a-z]+-\d+")
PLUGIN = """
import threading

from receptionist import ToolContext, TurnRecorded, hookimpl, tool

told = []
lock = threading.Lock()


@tool(effect="writes", idempotent=True)
def remember(context: ToolContext, what: str) -> str:
    "Remember something of the customer."
    number = what.rpartition("-")[2]
    context.update_lead(note=f"canary-note-{number}")
    return f"canary-tool-{number}"


@hookimpl
def register_tools(host):
    return [remember]


@hookimpl
def on_event(event, host):
    with lock:
        told.append(event)
"""


def reveal(question: Question) -> Iterator[Piece]:
    """Tell every canary that was shown, whatever it was shown in; remember the customer's own first."""
    asked = question.asked[-1]
    if not question.outputs and asked.startswith("I am "):
        yield Calls("remember", json.dumps({"what": CANARY.findall(asked)[0]}))
        return
    shown = [question.instructions, *question.asked, *question.notes, *question.outputs]
    shown += [text for _, text in question.past] + [json.dumps(question.variables)]
    yield " ".join(sorted({*CANARY.findall("\n".join(shown))})) or "nothing"


def add_accounts(house: House) -> list[tuple[int, str]]:
    """Account and chat line, each account with a strategy of its own."""
    made = []
    for number in range(ACCOUNTS):
        with house.parts.database.begin() as connection:
            scope = Scope(connection, accounts.create(connection, f"Business {number}", "UTC"))
            fields = StrategyFields(
                custom_instructions=f"canary-strategy-{number}", tools=["remember"], burst_seconds=0
            )
            strategies.publish(scope, "Desk", fields, house.factory.check)
            strategy = strategies.find(scope, "Desk").id
            chat, key = house.parts.channels["webchat"], f"chat-{number}"
            lines.add(scope, house.parts.vault, chat, title=f"canary-line-{number}", key=key, strategy_id=strategy)
            made.append((scope.account_id, key))
    return made


def send(house: House, key: str, lead: int, text: str) -> None:
    """Write as this lead on its account's line. Leads of all accounts have the same few addresses."""
    line = house.parts.host.line("webchat", key)
    token = house.parts.host.sign("webchat", {"line": line.id, "address": f"visitor:{lead // ACCOUNTS}"}, 3600)
    body = json.dumps({"id": str(uuid.uuid4()), "text": text}).encode()
    headers = {"authorization": f"Bearer {token}", "origin": house.parts.host.public_url}
    house.parts.host.receive(line, WebhookRequest("POST", "", headers, {}, body, "127.0.0.1"))


def work(house: House) -> None:
    """Answer all at once."""
    with ThreadPoolExecutor(THREADS) as pool:
        while house.rung:
            rung = [house.rung.pop() for _ in range(len(house.rung))]
            list(pool.map(house.runner.drain, rung))


def test_s58_no_canary_crosses(open_house: Callable[..., House], brain: Brain) -> None:
    house = open_house({"canaries": PLUGIN})
    brain.reply = reveal
    keys = [key for _, key in add_accounts(house)]
    for lead in range(LEADS):
        send(house, keys[lead % ACCOUNTS], lead, f"I am canary-lead-{lead}")
    work(house)
    for lead in range(LEADS):
        send(house, keys[lead % ACCOUNTS], lead, "What do you know?")
    work(house)
    for lead in range(LEADS):
        line = house.parts.host.line("webchat", keys[lead % ACCOUNTS])
        transcript = house.parts.host.transcript(line, Sender(f"visitor:{lead // ACCOUNTS}"))
        replies = [message.text for message in transcript if message.direction == "out"]
        mine = {f"canary-{what}-{lead}" for what in ("lead", "note", "tool")}
        ours = {f"canary-{what}-{lead % ACCOUNTS}" for what in ("strategy", "line")}
        assert len(replies) == 2, (lead, replies)
        assert {*replies[1].split()} == mine | ours, lead
        assert {*CANARY.findall(" ".join(message.text for message in transcript))} == mine | ours
    _nothing_stored_or_told_crossed(house)


STORED = (
    "SELECT lead_id, text FROM messages",
    "SELECT id, notes FROM leads",
    "SELECT c.lead_id, s.calls FROM sessions s JOIN conversations c ON c.id = s.conversation_id",
    "SELECT c.lead_id, t.arguments || t.result FROM tool_calls t JOIN turns ON turns.id = t.turn_id "
    "JOIN conversations c ON c.id = turns.conversation_id",
)


def _nothing_stored_or_told_crossed(house: House) -> None:
    """Each row and event names the canaries of its own lead alone."""
    found: dict[Any, set[str]] = {}
    for row in [row for statement in STORED for row in house.sql(statement)]:
        found.setdefault(row[0], set()).update(_numbers(str(row[1])))
    assert len(found) == LEADS
    assert all(len(numbers) == 1 for numbers in found.values())
    assert len({*map(min, found.values())}) == LEADS
    owners = {row[0]: (row[1], found[row[2]]) for row in house.sql("SELECT id, account_id, lead_id FROM conversations")}
    events = [event for event in house.plugin("canaries").told if getattr(event, "conversation_id", None)]
    assert len(events) >= 2 * LEADS
    for event in events:
        account_id, numbers = owners[event.conversation_id]
        assert event.account_id == account_id, event
        assert _numbers(repr(event)) <= numbers, event


def _numbers(text: str) -> set[str]:
    """Whose canaries there are in a text, those of businesses left out."""
    return {number for what, number in re.findall(r"canary-([a-z]+)-(\d+)", text) if what not in ("strategy", "line")}
