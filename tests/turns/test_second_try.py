"""A second try of a model that reasons, without tools: its reasoning goes back in a way OpenAI takes."""

from __future__ import annotations

from collections.abc import Callable

from tests.harness.house import House
from tests.servers.model_server import Answer, ModelServer


def test_it_is_a_request_that_openai_takes(open_house: Callable[..., House]) -> None:
    with ModelServer() as server:
        house = open_house(OPENAI_BASE_URL=server.url, OPENAI_API_KEY="sk-test-second", OPENAI_FLAVOR="openai")
        house.publish(model="openai", tools=[])
        truth = "I can pass your wish on to the team."
        server.script([Answer("I've booked you in for 3 pm.", thought=True), truth])
        assert house.visitor().say("3 pm, please.") == truth
        house.parts.models["openai"].close()  # type: ignore[attr-defined]
