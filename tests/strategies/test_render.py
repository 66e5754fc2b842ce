"""`receptionist strategy render` prints what the model is told, to the letter."""

from __future__ import annotations

import time

import pytest

from tests.harness.house import House
from tests.servers.brain import Brain
from tests.strategies.conftest import Command

TEMPLATE = (
    "I am {{ strategy.agent_name }} of {{ account.name }} on {{ line.title }} ({{ line.channel }}).\n"
    "Lead {{ lead.id }}: {{ lead.name|default('nobody', true) }}, {{ lead.notes|tojson }}, message "
    "{{ conversation.interaction_count }}{{ ', the first reply' if conversation.first_reply }}.\n"
)


@pytest.fixture(autouse=True)
def _early_in_the_minute() -> None:
    """Prompts tell the time to the minute: begin where one minute is long enough for the test."""
    if (left := 60 - time.time() % 60) < 15:
        time.sleep(left)


def lead_of(house: House) -> str:
    return str(house.sql("SELECT max(id) AS id FROM leads")[0].id)


@pytest.mark.parametrize("template", [TEMPLATE, ""], ids=["own", "bundled"])
def test_it_prints_what_the_model_gets(house: House, command: Command, brain: Brain, template: str) -> None:
    house.publish(system_prompt_template=template, facts=[{"topic": "Parking", "text": "Behind the shop."}])
    visitor = house.visitor()
    for text in ("Hello", 'call note {"text": "Likes <b>red</b>"}.', "And now?"):
        visitor.send(text)
        printed = command("render", "House", "--lead", lead_of(house))
        asked = len(brain.questions)
        house.drain()
        assert printed == brain.questions[asked].instructions + "\n"


def test_it_prints_drafts_and_versions_for_any_line(house: House, command: Command) -> None:
    house.publish(system_prompt_template=TEMPLATE)
    command("set", "House", "agent_name=Noor")
    said = 'of Test House on Chat (webchat).\nLead 0: nobody, "", message 1, the first reply.\n'
    assert command("render", "House") == f"I am Robin {said}"
    assert command("render", "House", "--draft") == f"I am Noor {said}"
    assert "on blind (loopback)" in command("render", "House", "--line", "4")
    assert "You are Robin" in command("render", "House", "--version", "1")
    assert "--version or --draft" in command("render", "House", "--version", "1", "--draft", fails=True)
    assert "no lead 77" in command("render", "House", "--lead", "77", fails=True)
    assert "no active line 9" in command("render", "House", "--line", "9", fails=True)


def test_what_a_customer_wrote_cannot_speak_to_the_terminal(house: House, command: Command) -> None:
    house.publish(system_prompt_template="{{ lead.name }}")
    house.visitor().say("Hello")
    house.sql("UPDATE leads SET name = :name, version = version + 1", name="A\x9b31mda")
    assert command("render", "House", "--lead", lead_of(house)) == "A\N{REPLACEMENT CHARACTER}31mda\n"
