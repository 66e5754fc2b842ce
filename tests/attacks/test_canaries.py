"""S58: a hundred leads at once, each with words and files of its own everywhere; nobody is ever shown another one's."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient

from receptionist import Sender, WebhookRequest
from receptionist.contracts.strategy import StrategyFields
from receptionist.db import Scope
from receptionist.services import accounts, lines
from receptionist.services.conversations.inbox import Inbox, Upload
from receptionist.services.strategies import strategies
from tests.harness.house import House
from tests.servers.brain import Brain, Calls, Piece, Question

LEADS, ACCOUNTS, THREADS = 100, 4, 12
CANARY = re.compile(r"canary-[a-z]+-\d+")
PLUGIN = (Path(__file__).parent / "parcels.py").read_text(encoding="utf-8")
BUSINESS = ("strategy", "line")
"""Canaries of these belong to a business; all others to one lead."""


def reveal(question: Question) -> Iterator[Piece]:
    """Tell every canary that was shown, whatever it was shown in; remember the customer's own first."""
    asked = question.asked[-1]
    if not question.outputs and asked.startswith("I am "):
        yield Calls("remember", json.dumps({"what": CANARY.findall(asked)[0]}))
        return
    yield " ".join(sorted({*CANARY.findall(_shown(question))})) or "nothing"


def _shown(question: Question) -> str:
    shown = [question.instructions, *question.asked, *question.notes, *question.outputs]
    return "\n".join([*shown, *(text for _, text in question.past), json.dumps(question.variables)])


def add_accounts(house: House) -> list[str]:
    """Keys of the lines of several accounts, each account with a strategy of its own."""
    made = []
    for number in range(ACCOUNTS):
        with house.parts.database.begin() as connection:
            scope = Scope(connection, accounts.create(connection, f"Business {number}", "UTC"))
            fields = StrategyFields(
                custom_instructions=f"canary-strategy-{number}", tools=["remember"], burst_seconds=0
            )
            strategies.publish(scope, "Desk", fields, house.factory.check)
            strategy = strategies.find(scope, "Desk").id
            channel, key = house.parts.channels["parcels"], f"line-{number}"
            lines.add(scope, house.parts.vault, channel, title=f"canary-line-{number}", key=key, strategy_id=strategy)
            made.append(key)
    return made


def address(lead: int) -> str:
    """Leads of all accounts have the same few addresses."""
    return f"customer-{lead // ACCOUNTS}"


def send(house: House, key: str, lead: int, text: str, *files: str) -> None:
    """Write as this lead on its account's line, with files of these kinds."""
    each = [
        {
            "content_type": f"text/x-canary-{kind}-{lead}",
            "url": f"https://vendor.example/canary-url-{lead}",
            "name": f"canary-name-{lead}.txt",
        }
        for kind in files
    ]
    body = {"id": f"{lead}: {text}", "from": address(lead), "text": text, "files": each}
    line = house.parts.host.line("parcels", key)
    house.parts.host.receive(line, WebhookRequest("POST", "", {}, {}, json.dumps(body).encode(), "127.0.0.1"))


def work(house: House) -> None:
    """Answer all at once."""
    with ThreadPoolExecutor(THREADS) as pool:
        while house.rung:
            rung = [house.rung.pop() for _ in range(len(house.rung))]
            list(pool.map(house.runner.drain, rung))


def step_in(house: House) -> None:
    """A person sends each lead a file, and hands back."""
    for row in house.sql(
        "SELECT c.id, c.account_id, m.text FROM conversations c JOIN messages m ON m.lead_id = c.lead_id "
        "WHERE m.direction = 'in'"
    ):
        number = row.text.rpartition("-")[2]
        menu = Upload(f"canary-menu-{number}.txt", f"text/x-canary-sheet-{number}", f"canary-page-{number}".encode())
        inbox = Inbox(house.parts, row.account_id)
        inbox.reply(row.id, "Ann", f"Here is canary-word-{number}", [menu])
        inbox.hand_back(row.id)
        house.rung.append(row.id)


def test_s58_no_canary_crosses(open_house: Callable[..., House], brain: Brain) -> None:
    house = open_house({"parcels": PLUGIN})
    brain.reply = reveal
    keys = add_accounts(house)
    for lead in range(LEADS):
        send(house, keys[lead % ACCOUNTS], lead, f"I am canary-lead-{lead}", "photo")
    work(house)
    step_in(house)
    work(house)
    for lead in range(LEADS):
        send(house, keys[lead % ACCOUNTS], lead, "What do you know?")
    work(house)
    plugin, browser = house.plugin("parcels"), house.app().test_client()
    ids = [house.parts.host.line("parcels", key).id for key in keys]
    got: dict[tuple[int, str], list[Any]] = defaultdict(list)
    for line_id, message in plugin.sent:
        got[line_id, message.to].append(message)
    for lead in range(LEADS):
        first, person, second = got[ids[lead % ACCOUNTS], address(lead)]
        early = {f"canary-{what}-{lead}" for what in ("lead", "photo", "note", "tool")}
        late = {f"canary-{what}-{lead}" for what in ("word", "sheet")}
        ours = {f"canary-{what}-{lead % ACCOUNTS}" for what in BUSINESS}
        assert {*first.text.split()} == early | ours, lead
        assert {*second.text.split()} == early | late | ours, lead
        line = house.parts.host.line("parcels", keys[lead % ACCOUNTS])
        transcript = house.parts.host.transcript(line, Sender(address(lead)))
        assert {*CANARY.findall(" ".join(message.text for message in transcript))} == early | late | ours
        _link_leads_to_own_file(browser, plugin, lead, person.media)
    _no_prompt_crossed(brain)
    _no_file_crossed(house, plugin, ids)
    _nothing_stored_or_told_crossed(house)


def _link_leads_to_own_file(browser: FlaskClient, plugin: ModuleType, lead: int, media: Any) -> None:
    """The lead got one link, to what was meant for it and to nothing else."""
    [file] = media
    assert (file.name, file.content_type) == (f"canary-menu-{lead}.txt", f"text/x-canary-sheet-{lead}")
    before = len(plugin.opened)
    answer = browser.get(urlsplit(file.url).path)
    assert (answer.status_code, answer.text) == (200, f"canary-page-{lead}")
    assert [plugin.shelf[key] for key in plugin.opened[before:]] == [answer.data]


def _no_prompt_crossed(brain: Brain) -> None:
    """Whoever is asked about, and in whatever round, only this lead's canaries are shown; of a file its type alone."""
    shown: dict[str, set[str]] = defaultdict(set)
    for question in brain.questions:
        shown[question.end_user].update(CANARY.findall(_shown(question)))
    assert len(shown) == LEADS
    for canaries in shown.values():
        assert len(_numbers(" ".join(canaries))) == 1, canaries
        assert not {canary.split("-")[1] for canary in canaries} & {"name", "url", "content", "menu", "page"}


def _no_file_crossed(house: House, plugin: ModuleType, ids: list[int]) -> None:
    """Each file was asked of the vendor on its own lead's line, and is kept with a message of this lead and account."""
    assert sorted(int(file.url.rpartition("-")[2]) for _, file in plugin.fetched) == list(range(LEADS))
    for line_id, file in plugin.fetched:
        [number] = _numbers(f"{file.url} {file.name} {file.content_type}")
        assert line_id == ids[int(number) % ACCOUNTS]
    kept = house.sql("SELECT account_id, text, attachments FROM messages WHERE attachments IS NOT NULL")
    found = {}
    for row in kept:
        [file] = json.loads(row.attachments) if isinstance(row.attachments, str) else row.attachments
        assert file["key"].startswith(f"attachments/{row.account_id}/") and "canary" not in file["key"]
        found[file["key"]] = plugin.shelf[file["key"]]
        assert len(_numbers(f"{row.text} {file} {found[file['key']].decode()}")) == 1, row
    assert found == plugin.shelf and len(found) == 2 * LEADS
    assert len(plugin.opened) == LEADS, "nothing was read but what the links lead to"


STORED = (
    "SELECT lead_id, text FROM messages",
    "SELECT lead_id, attachments FROM messages WHERE attachments IS NOT NULL",
    "SELECT id, notes FROM leads",
    "SELECT c.lead_id, s.calls FROM sessions s JOIN conversations c ON c.id = s.conversation_id",
    "SELECT c.lead_id, t.arguments || t.result FROM tool_calls t JOIN turns ON turns.id = t.turn_id "
    "JOIN conversations c ON c.id = turns.conversation_id",
    "SELECT c.lead_id, turns.trace FROM turns JOIN conversations c ON c.id = turns.conversation_id",
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
    events = [event for event in house.plugin("parcels").told if getattr(event, "conversation_id", None)]
    assert len(events) >= 2 * LEADS
    for event in events:
        account_id, numbers = owners[event.conversation_id]
        assert event.account_id == account_id, event
        assert _numbers(repr(event)) <= numbers, event


def _numbers(text: str) -> set[str]:
    """Whose canaries there are in a text, those of businesses left out."""
    return {number for what, number in re.findall(r"canary-([a-z]+)-(\d+)", text) if what not in BUSINESS}
