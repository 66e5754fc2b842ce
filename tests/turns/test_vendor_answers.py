"""Turns against OpenAI as it is: what one customer causes, what is billed without an answer, calls of no tool."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.harness.house import House
from tests.servers.model_server import Answer, Call, Error, ModelServer

TOO_LONG = Answer("Once upon a", end="incomplete", reason="max_output_tokens")


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """OpenAI, as far as the house can see."""
    with ModelServer() as running:
        yield running


@pytest.fixture
def house(open_house: Callable[..., House], server: ModelServer) -> Iterator[House]:
    """A house that asks the server."""
    made = open_house(OPENAI_BASE_URL=server.url, OPENAI_API_KEY="sk-test-vendor", OPENAI_FLAVOR="openai")
    made.publish(model="openai", take_messages=False, max_output_tokens=100)
    yield made
    made.parts.models["openai"].close()  # type: ignore[attr-defined]


def asked(server: ModelServer) -> list[list[dict[str, Any]]]:
    """The input of each answer asked for."""
    return [request.body["input"] for request in server.requests if request.path == "/v1/responses"]


@pytest.mark.parametrize(
    "refusal",
    [
        TOO_LONG,
        Error(400, "This identifier is blocked.", param="safety_identifier"),
        Error(400, "The response was filtered.", param="prompt", code="content_filter"),
        Error(403, "Stopped.", code="misalignment_policy_violation"),
    ],
    ids=["too long", "blocked", "azure filter", "misalignment"],
)
def test_what_one_customer_causes_stops_nobody_else(house: House, server: ModelServer, refusal: Answer | Error) -> None:
    server.script([refusal])
    assert house.visitor().say("Tell me a very long story.").startswith("Sorry")
    assert house.visitor().say("Are you open?") == "Echo: Are you open?"


@pytest.mark.parametrize("answer", [TOO_LONG, Answer(" "), Answer("Hm", end="incomplete", reason="content_filter")])
def test_what_is_billed_is_counted(house: House, server: ModelServer, answer: Answer) -> None:
    server.script([answer])
    house.visitor().say("Hello")
    [turn] = house.sql("SELECT model, input_tokens, output_tokens, trace FROM turns")
    first, *others = json.loads(turn.trace)["rounds"]
    assert first["error"]
    assert first["input"] and first["output"]
    assert turn.input_tokens == first["input"] + sum(each["input"] for each in others)
    assert turn.output_tokens == first["output"] + sum(each["output"] for each in others)
    assert turn.model


@pytest.mark.parametrize("memory", ["ours", "provider"])
def test_a_false_claim_with_a_call_of_no_tool(house: House, server: ModelServer, memory: str) -> None:
    house.publish(tools=[], memory=memory)
    truth = "I can pass your wish on to the team."
    server.script([Answer("I've booked you in for 3 pm.", calls=[Call("book")]), truth])
    visitor = house.visitor()
    assert [visitor.say("3 pm, please."), visitor.say("Thanks")] == [truth, "Echo: Thanks"]
    assert len(asked(server)) == 3, "none was refused"


def test_a_call_of_no_tool_leaves_no_orphan_at_the_vendor(house: House, server: ModelServer) -> None:
    house.publish(tools=[], memory="provider")
    server.script([Answer("Hello!", calls=[Call("book")])])
    visitor = house.visitor()
    assert [visitor.say("one"), visitor.say("two")] == ["Hello!", "Echo: two"]
    [copy] = server.memory.conversations.held
    assert server.memory.conversations.said(copy) == [
        "user: one",
        "assistant: Hello!",
        "user: two",
        "assistant: Echo: two",
    ]


def test_a_note_about_a_false_claim_outlives_a_fault(house: House, server: ModelServer) -> None:
    """The vendor is told the whole turn again, and of its own words, too."""
    house.publish(tools=[], memory="provider")
    server.script(["I've booked you in for 3 pm.", Error(500), "I can pass your wish on to the team."])
    house.visitor().say("3 pm, please.")
    last = asked(server)[-1]
    assert [item["role"] for item in last] == ["user", "developer"]
    assert "I've booked you in for 3 pm." in last[1]["content"]
