"""`receptionist strategy chat`: a talk with a draft that changes no row of the account."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from receptionist import migrations
from receptionist.core import assemble
from receptionist.models.base import Base
from receptionist.parts import Parts
from receptionist.services.demo.first_start import create_demo_if_empty
from tests.core.test_cli import call
from tests.harness.house import House
from tests.servers.brain import Brain, Calls, Fails, Piece, Question
from tests.servers.vendor_server import VendorServer
from tests.strategies.conftest import Command


def everything(house: House) -> dict[str, list[object]]:
    """All rows of all tables."""
    with house.parts.database.read() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(sa.select(table)).all()))
            for table in Base.metadata.sorted_tables
        }


def test_tools_are_shown_and_nothing_is_changed(
    house: House, command: Command, brain: Brain, vendor: VendorServer
) -> None:
    command("set", "House", "system_prompt_template=I am {{ strategy.agent_name }}.", "agent_name=Noor")
    before, effects = everything(house), len(vendor.effects)
    said = command("chat", "House", "--draft", stdin='Hello\n\ncall book {"what": "a table"}.\ncall note {}.\n')
    assert everything(house) == before
    assert len(vendor.effects) == effects
    assert said.startswith("This is a rehearsal with the draft of House; The test answers. You are somebody made up,")
    assert said.partition("ends it.\n")[2] == (
        "You: Hello\n"
        "Noor: Echo: Hello\n"
        "You: \n"
        'You: call book {"what": "a table"}.\n'
        '  [book {"what": "a table"}]\n'
        "  → This is a rehearsal: it was not really done. Go on as if it had worked.\n"
        "Noor: The tool said: This is a rehearsal: it was not really done. Go on as if it had worked.\n"
        "You: call note {}.\n"
        "  [note {}]\n"
        "  → Not called: text: Field required.\n"
        "Noor: The tool said: Not called: text: Field required.\n"
        "You: \n"
    )
    assert {question.instructions for question in brain.questions} == {"I am Noor."}
    assert brain.questions[-1].past[:2] == [("user", "Hello"), ("assistant", "Echo: Hello")]
    assert brain.questions[0].tools == ["book", "pay", "note"]


def test_a_model_that_fails_shows_what_customers_would_get(house: House, command: Command, brain: Brain) -> None:
    def reply(question: Question) -> Iterator[Piece]:
        yield Fails("too much\x1b[31m") if question.asked == ["one"] else "Well."

    brain.reply = reply
    said = command("chat", "House", stdin="one\ntwo\n")
    assert "with version 1 of House" in said
    assert "No answer: too much\N{REPLACEMENT CHARACTER}[31m\nA customer would get: Sorry, I cannot answer" in said
    assert said.endswith("You: two\nRobin: Well.\nYou: \n")


def test_calls_that_a_plugin_forbids_are_shown_too(house: House, command: Command, brain: Brain) -> None:
    def reply(question: Question) -> Iterator[Piece]:
        yield "Well." if question.outputs else Calls("fly", "{}")

    brain.reply = reply
    assert "  [fly {}]\n  → Not called: there is no tool 'fly'.\nRobin: Well." in command("chat", "House", stdin="go\n")


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Parts]:
    """What a first start without a key makes."""
    for name in ("DATABASE_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "settings.env").write_text("DEMO_WORD_SECONDS=0\n")
    parts, factory = assemble(tmp_path)
    migrations.upgrade(parts.database)
    assert create_demo_if_empty(parts, factory.check)
    yield parts
    parts.database.dispose()


def test_it_works_without_a_key(demo: Parts) -> None:
    said = call(demo, "strategy", "chat", "Front desk", stdin="Are you open on 2027-12-25?\nWhere can I park?")
    assert "Demo (no AI) answers" in said
    assert '[open_times {"day": "2027-12-25"}]\n  → {"date": "2027-12-25"' in said
    assert "two free parking spaces" in said


def test_what_is_rehearsed_counts_as_done(demo: Parts) -> None:
    told = "My name is Ada Byrne, please call me back\n087 123 4567\nI want to talk to a person"
    first, second, third = [
        line.partition(": ")[2]
        for line in call(demo, "strategy", "chat", "Front desk", stdin=told).splitlines()
        if "I have" in line
    ]
    assert "I have noted your name. What phone number can we reach you at?" in first
    assert second == "Thank you, Ada Byrne. I have noted your phone number 087 123 4567."
    assert third.startswith("I have told the business") and "?" not in third
