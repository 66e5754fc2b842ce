"""A prompt that is kept at the vendor: used where the server has it, refused with the cure where it is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from receptionist.errors import LineError, TemplateError
from tests.harness.house import House
from tests.servers.brain import Brain
from tests.servers.model_server import ModelServer

PROMPT: dict[str, Any] = {"id": "pmpt_1", "version": "3", "variables": {"who": "{{ lead.name or 'a stranger' }}"}}


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """A gateway in front of OpenAI that still has a prompt."""
    with ModelServer() as running:
        running.memory.prompts["pmpt_1"] = {"who"}
        yield running


@pytest.fixture
def house(open_house: Callable[..., House], server: ModelServer) -> Iterator[House]:
    """A house that asks the gateway."""
    made = open_house(OPENAI_API_KEY="sk-test-1", OPENAI_BASE_URL=server.url, OPENAI_FLAVOR="openai")
    made.publish(model="openai", burst_seconds=0)
    yield made
    made.parts.models["openai"].close()  # type: ignore[attr-defined]


def test_it_takes_the_place_of_ours(house: House, server: ModelServer) -> None:
    house.publish(prompt=PROMPT, disclosure=True)
    visitor = house.visitor()
    visitor.say("Hello")
    visitor.say("Thanks")
    first, second = (request.body for request in server.requests)
    assert first["prompt"] == {"id": "pmpt_1", "version": "3", "variables": {"who": "a stranger"}}
    assert "Be brief." not in first["instructions"], "the strategy's own words belong to the prompt of ours"
    assert "If you are asked whether you are a machine" in first["instructions"]
    assert "say in a few words that you are an automated assistant" in first["instructions"]
    assert "This is your first reply" not in second["instructions"]


def test_values_are_rendered_once(house: House, server: ModelServer) -> None:
    house.publish(prompt=PROMPT)
    visitor = house.visitor()
    visitor.say("Hello")
    house.sql("UPDATE leads SET name = '{{ account.id }}', version = version + 1")
    visitor.say("It is me")
    assert server.requests[-1].body["prompt"]["variables"] == {"who": "{{ account.id }}"}


def test_one_that_is_gone_ends_in_the_apology(house: House, server: ModelServer) -> None:
    house.publish(prompt=PROMPT)
    server.memory.prompts.clear()
    assert house.visitor().say("Hello").startswith("Sorry")
    assert len(server.requests) == 1, "only a person can mend it"
    [row] = house.sql("SELECT error FROM turns")
    assert "has no prompt pmpt_1" in row.error and "system_prompt_template" in row.error


def test_a_fallback_without_prompts_is_told_ours(house: House, server: ModelServer, brain: Brain) -> None:
    house.publish(prompt=PROMPT, fallback_model="remote")
    server.memory.prompts.clear()
    assert house.visitor().say("Hello") == "Echo: Hello"
    [question] = brain.questions
    assert "Be brief." in question.instructions


def test_a_broken_variable_is_refused(house: House) -> None:
    with pytest.raises(TemplateError, match=r"prompt, variable who: .*there is no value 'nam'"):
        house.publish(prompt={"id": "pmpt_1", "variables": {"who": "{{ lead.nam }}"}})


def test_models_without_prompts_refuse_to_be_told_of_one(house: House) -> None:
    with pytest.raises(LineError, match="The model remote keeps no prompts: put the text into system_prompt_template"):
        house.publish(model="remote", prompt=PROMPT)


def test_a_compatible_server_has_none(open_house: Callable[..., House], server: ModelServer) -> None:
    house = open_house(OPENAI_API_KEY="sk-test-1", OPENAI_BASE_URL=server.url)
    with pytest.raises(LineError, match=r"has no reusable prompts\. Open the prompt at the vendor, copy its text"):
        house.publish(model="openai", prompt=PROMPT)
