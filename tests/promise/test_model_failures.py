"""F14 to F17 and P10: however the model fails, each customer has an answer or the apology in time."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.harness.customers import ChatClient
from tests.harness.house import House
from tests.harness.installation import Installation
from tests.promise.records import messages, settle, turns
from tests.servers.model_script import Answer, Drip, Error, Hang, Item, Raw
from tests.servers.model_server import ModelServer

TURN_SECONDS = 4
SLACK = 2.0
PARTIAL = "This half of an answer must never be recorded"

PASSING: dict[str, list[Item]] = {
    "busy for a second": [Error(429, headers={"Retry-After": "1"})],
    "a passing fault": [Error(500), Error(503)],
    "cut once": [Answer(PARTIAL, end="cut")],
    "no end once": [Answer(PARTIAL, end="nothing")],
}
LASTING: dict[str, Item] = {
    "busy for ever": Error(429, headers={"Retry-After": "1"}),
    "busy for an hour": Error(429, headers={"Retry-After": "3600"}),
    "broken for ever": Error(500),
    "hanging": Hang(),
    "hanging after its headers": Hang(headers=True),
    "dripping": Drip(PARTIAL, 0.2),
    "always cut": Answer(PARTIAL, end="cut"),
    "never ending properly": Answer(PARTIAL, end="nothing"),
    "failing in the stream": Answer(PARTIAL, end="failed", reason="server_error"),
    "filtered": Answer("", end="incomplete", reason="content_filter"),
    "saying nothing": Answer(""),
    "garbage": Raw(200, b"<html>proxy</html>", "text/html"),
    "context too long": Error(400, "Your input exceeds the context window", code="context_length_exceeded"),
    "bad key": Error(401, "Incorrect API key provided", code="invalid_api_key"),
    "out of quota": Error(429, "You exceeded your current quota", code="insufficient_quota"),
}


def last_said(body: Mapping[str, Any]) -> str:
    """The newest words of the customer in a request."""
    said = [item for item in body["input"] if item.get("role") == "user"][-1]["content"]
    return said if isinstance(said, str) else "".join(part["text"] for part in said)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """A strict model server that fails as the customer's words say."""
    seen: Counter[str] = Counter()

    def reply(body: Mapping[str, Any]) -> Item:
        words = last_said(body).removesuffix("?")
        seen[words] += 1
        if words in LASTING:
            return LASTING[words]
        failures = PASSING.get(words, [])
        return failures[seen[words] - 1] if seen[words] <= len(failures) else Answer(f"Answer to {words}")

    with ModelServer() as running:
        running.reply = reply
        yield running


def ask(port: int, words: str) -> tuple[ChatClient, str, float]:
    """A new customer's question, the reply, and how long it took."""
    client = ChatClient(port)
    client.open()
    begun = time.monotonic()
    reply = client.say(f"{words}?", timeout=TURN_SECONDS * 3)
    return client, reply, time.monotonic() - begun


def test_every_failure_of_the_model_is_survived(install: Callable[..., Installation], server: ModelServer) -> None:
    installation = install(
        REMOTE_BRAIN="", OPENAI_BASE_URL=server.url, OPENAI_API_KEY="sk-test-faults", TURN_SECONDS=TURN_SECONDS
    )
    installation.start()
    assert ask(installation.port, "warm")[1] == "Answer to warm"
    with ThreadPoolExecutor(32) as pool:
        for client, reply, seconds in pool.map(lambda words: ask(installation.port, words), PASSING):
            [question] = messages(installation, client, "in")
            assert reply == f"Answer to {question['text'].removesuffix('?')}", question["text"]
            assert seconds < TURN_SECONDS + SLACK
        for client, reply, seconds in pool.map(lambda words: ask(installation.port, words), LASTING):
            settle(installation, client)
            [question] = messages(installation, client, "in")
            assert reply.startswith("Sorry"), question["text"]
            assert seconds < TURN_SECONDS + SLACK, question["text"]
            assert question["state"] == "failed"
            assert question["error"], question["text"]
            assert client.replies() == [reply]
            assert [turn["state"] for turn in turns(installation, client)] == ["failed"]
    assert not [row for row in installation.sql("SELECT text FROM messages") if PARTIAL in row["text"]]
    failed = [json.loads(line) for line in installation.log().splitlines() if '"turn_failed"' in line]
    assert len(failed) == len(LASTING)
    assert installation.running


def test_a_model_that_cannot_be_reached(open_house: Callable[..., House], free_port: Callable[[], int]) -> None:
    house = open_house(
        REMOTE_BRAIN="",
        OPENAI_BASE_URL=f"http://127.0.0.1:{free_port()}/v1",
        OPENAI_API_KEY="sk-test-nobody",
        TURN_SECONDS=3,
    )
    begun = time.monotonic()
    assert house.visitor().say("Is anybody there?").startswith("Sorry")
    assert time.monotonic() - begun < 3 + SLACK
    [row] = house.sql("SELECT state, error FROM turns")
    assert row.state == "failed"
    assert row.error


def test_no_model_at_all(open_house: Callable[..., House]) -> None:
    house = open_house(REMOTE_BRAIN="")
    assert house.visitor().say("Is anybody there?").startswith("Sorry")
    assert "no model is ready" in house.sql("SELECT error FROM turns")[0].error
