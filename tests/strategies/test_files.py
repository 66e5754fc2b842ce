"""A strategy travels as a file: exported in any version, taken in as a draft, never published by itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.harness.house import House
from tests.strategies.conftest import Command

FILE = {"receptionist_strategy": 1, "name": "Harbour", "description": "By the sea", "fields": {"agent_name": "Noor"}}


def test_what_is_exported_comes_back_the_same(house: House, command: Command, tmp_path: Path) -> None:
    house.publish(agent_name="Ünal “N.”", facts=[{"topic": "Parking", "text": "Behind\nthe shop."}])
    file = tmp_path / "house.json"
    file.write_text(command("export", "House"), encoding="utf-8")
    exported = json.loads(file.read_text(encoding="utf-8"))
    assert {**exported, "fields": None} == {
        "receptionist_strategy": 1,
        "name": "House",
        "description": "",
        "fields": None,
    }
    assert json.loads(command("export", "House", "--version", "1"))["fields"]["agent_name"] == "Robin"
    assert "Copy is new here; the file is its draft." in command("import", str(file), "--name", "Copy")
    assert command("show", "Copy", "--draft") == command("show", "House")
    assert "Copy  (never published, draft of " in command("list")
    assert "1 to 200 letters" in command("import", str(file), "--name", " ", fails=True)
    assert "already a strategy Copy" in command("import", str(file), "--name", "copy", fails=True)
    assert "The strategy Copy has a draft already" in command("import", str(file), "--name", " Copy ", fails=True)
    command("publish", "Copy")
    assert json.loads(command("export", "Copy")) == {**exported, "name": "Copy"}


def test_a_file_of_a_strategy_that_is_there_becomes_its_draft(command: Command) -> None:
    text = json.dumps({**FILE, "name": "House", "fields": {"agent_name": "Noor"}})
    next_steps = 'receptionist strategy diff "House", then receptionist strategy publish "House".'
    assert command("import", "-", stdin=text) == f"House has the file as its draft. Next: {next_steps}\n"
    assert json.loads(command("show", "House"))["agent_name"] == "Robin"
    assert json.loads(command("show", "House", "--draft"))["agent_name"] == "Noor"
    told = command("import", "-", stdin=text, fails=True)
    assert "has a draft already, saved by" in told and "publish or discard it first" in told
    command("discard", "House")
    assert command("list") == "House  (version 1)\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "This is not JSON"),
        ("[" * 100_000, "This is not JSON"),
        ("[]", "lacks the header receptionist_strategy"),
        ('{"agent_name": "Noor"}', "receptionist strategy publish NAME FILE"),
        (json.dumps({**FILE, "receptionist_strategy": 2}), "of format 2, but this version of Receptionist reads 1"),
        (json.dumps({**FILE, "name": ""}), "name: "),
        (json.dumps({**FILE, "descripton": "x"}), "descripton: there is no such field, did you mean description?"),
        (json.dumps({**FILE, "fields": []}), "fields: "),
        (json.dumps({**FILE, "fields": {"tone": "dry"}}), "tone: there is no such field, did you mean timezone?"),
        (json.dumps({**FILE, "fields": {"agnet_name": "x"}}), "agnet_name: there is no such field, did you mean ag"),
        (json.dumps({**FILE, "fields": {"tools": ["fly"]}}), "no tool fly"),
        (json.dumps({**FILE, "fields": {"custom_instructions": "x" * 4_000_001}}), "more than 4000000 characters"),
    ],
)
def test_what_cannot_be_taken_in_is_named_and_nothing_is_made(command: Command, text: str, says: str) -> None:
    assert says in command("import", "-", stdin=text, fails=True)
    assert command("list") == "House  (version 1)\n"


def test_an_exported_file_is_not_published_by_mistake(command: Command) -> None:
    told = command("publish", "House", "-", stdin=json.dumps(FILE), fails=True)
    assert "receptionist strategy import FILE" in told
