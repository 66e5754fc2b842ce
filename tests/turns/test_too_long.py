"""F17: what is too long for the model is asked once more with less, then of the fallback model, then a message is
taken."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from receptionist.cli import main
from tests.harness.house import House, Visitor
from tests.harness.plugins import HEAD
from tests.servers.brain import Brain
from tests.servers.model_server import Answer, Call, Error, ModelServer
from tests.servers.vendor_server import VendorServer

TOO_LONG = Error(400, "Your input exceeds the context window.", param="input", code="context_length_exceeded")
WORDS = "Please tell me what the repair of a bicycle like mine costs. " * 10
MENU = f'''{HEAD}

@tool(effect="reads")
def menu() -> str:
    """The whole menu."""
    return "Soup of the day, 9 euros. " * 280


@hookimpl
def register_tools(host):
    return [menu]
'''


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """OpenAI, as far as the house can see."""
    with ModelServer() as running:
        yield running


@pytest.fixture
def house(open_house: Callable[..., House], server: ModelServer) -> Iterator[House]:
    """A house that asks the server, and may fall back to the brain; `menu` has 7000 characters to say."""
    made = open_house(
        {"menu": MENU}, OPENAI_BASE_URL=server.url, OPENAI_API_KEY="sk-test-too-long", OPENAI_FLAVOR="openai"
    )
    made.publish(model="openai", tools=["book", "menu"])
    yield made
    made.parts.models["openai"].close()  # type: ignore[attr-defined]


def asked(server: ModelServer) -> list[dict[str, Any]]:
    """The requests for an answer."""
    return [request.body for request in server.requests if request.path == "/v1/responses"]


def size(body: dict[str, Any]) -> int:
    """How much of the window a request takes, as the server counts."""
    return len(json.dumps(body["input"])) + len(body["instructions"])


def talked(house: House, server: ModelServer) -> Visitor:
    """A visitor of some messages; the next one is too much for the server."""
    visitor = house.visitor()
    for number in range(5):
        visitor.say(f"{number}: {WORDS}")
    server.window = size(asked(server)[-1]) + 50
    server.requests.clear()
    return visitor


def trace(house: House) -> dict[str, Any]:
    """What is kept of the newest turn."""
    [row] = house.sql("SELECT trace FROM turns ORDER BY id DESC LIMIT 1")
    return json.loads(row.trace) if isinstance(row.trace, str) else row.trace


def test_half_of_the_history_is_asked_once_more(
    house: House, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = talked(house, server)
    question = f"And now? {WORDS}".strip()
    assert visitor.say(question) == f"Echo: {question}", "what waits is shown whole"
    whole, half = asked(server)
    assert size(whole) > server.window
    assert len(json.dumps(half["input"])) < 0.6 * len(json.dumps(whole["input"]))
    shown = trace(house)
    assert shown["shown"]["shortened"] is True
    assert shown["shown"]["messages"] == len(half["input"])
    assert shown["shown"]["last_seq"] == 11
    assert shown["shown"]["first_seq"] > 5
    assert "context_length_exceeded" in shown["rounds"][0]["error"]
    assert "error" not in shown["rounds"][1]
    monkeypatch.setattr("receptionist.cli.base.assembled", lambda: (house.parts, house.factory))
    text = CliRunner().invoke(main, ["turn", "show", "6"]).output
    assert "More was too long for the model, so it was asked once more with half of the history." in text
    assert visitor.say("Thanks") == "Echo: Thanks", "no breaker opened"


def test_a_result_of_a_tool_is_shortened(house: House, server: ModelServer) -> None:
    visitor = house.visitor()
    visitor.say("Hello")
    server.window = size(asked(server)[-1]) + 3000
    server.requests.clear()
    server.script([Answer(calls=[Call("menu")]), Answer("Soup, 9 euros.")])
    assert visitor.say("What is there to eat?") == "Soup, 9 euros."
    [_, refused, again] = asked(server)
    assert size(refused) > server.window
    told = next(item["content"] for item in again["input"] if "Soup" in str(item))
    assert "menu({})" in str(told)
    assert len(str(told)) < 1300
    assert not [item for item in again["input"] if item.get("type") == "function_call"]
    assert house.sql("SELECT name, state FROM tool_calls") == [("menu", "done")]


def test_what_acted_is_told_and_not_done_again(house: House, server: ModelServer, vendor: VendorServer) -> None:
    call = Call("book", json.dumps({"what": "a table by the window"}))
    server.script([Answer(calls=[call]), TOO_LONG, Answer(calls=[call]), Answer("Your table by the window is booked.")])
    assert house.visitor().say("A table, please") == "Your table by the window is booked."
    told = json.dumps(asked(server)[-2]["input"])
    assert "these tools were called already; do not repeat them" in told
    assert "booked a table by the window" in told
    assert "Not called: this very call was made" in json.dumps(asked(server)[-1]["input"])
    assert [effect["what"] for effect in vendor.effects].count("a table by the window") == 1


def test_the_fallback_model_is_asked_then(house: House, server: ModelServer, brain: Brain) -> None:
    house.publish(fallback_model="remote")
    visitor = talked(house, server)
    server.window = 10
    assert visitor.say("And now?") == "Echo: And now?"
    assert len(asked(server)) == 2
    [question] = brain.questions
    assert len(question.past) < 6, "its window may be no larger"
    assert house.sql("SELECT model, state FROM turns ORDER BY id DESC LIMIT 1") == [("remote-1", "done")]


def test_a_message_is_taken_at_last(house: House, server: ModelServer) -> None:
    house.publish(take_messages=True)
    server.script([TOO_LONG, TOO_LONG])
    visitor = house.visitor()
    reply = visitor.say("Hello?")
    assert reply.startswith("Sorry")
    assert "take a message" in reply
    assert len(asked(server)) == 2
    assert "context_length_exceeded" in house.sql("SELECT error FROM turns")[0].error


def test_a_vendors_memory_that_is_too_long_is_left(house: House, server: ModelServer) -> None:
    """The vendor's conversation is begun anew first; then our history alone is asked of, and then half of it."""
    house.publish(memory="provider")
    visitor = house.visitor()
    visitor.say("Hello")
    server.requests.clear()
    server.script([TOO_LONG, TOO_LONG, TOO_LONG])
    assert visitor.say("And now?") == "Echo: And now?"
    assert ["conversation" in body for body in asked(server)] == [True, True, False, False]
    assert trace(house)["shown"]["shortened"] is True
    assert visitor.say("Thanks") == "Echo: Thanks"
    assert "conversation" in asked(server)[-1]
