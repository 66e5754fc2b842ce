"""A house whose agent has the bundled tools."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from tests.harness.house import House
from tests.harness.instance import left_out
from tests.servers.brain import Brain, Calls, Piece, Question

PLUGINS = ("business_hours", "callback_desk", "fact_search", "farewell", "goals", "lead_messages", "quick_choices")
TOOLS = (
    *("current_time", "open_times", "schedule_callback", "search_facts", "end_conversation"),
    *("send_message", "offer_choices", "note"),
)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """The database of `desk`; the embedded one, unless a test wants both."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture
def desk(open_house: Callable[..., House]) -> House:
    """An assembled core with the bundled tools; text messages may be sent to a phone number."""
    others = ",".join(sorted({*left_out().split(",")} - {*PLUGINS}))
    house = open_house(DISABLED_PLUGINS=others)
    house.publish(tools=list(TOOLS), permissions=["reads", "writes", "speaks"], burst_seconds=0)
    return house


@pytest.fixture
def calls(brain: Brain) -> Callable[..., list[str]]:
    """`calls("tool", {"argument": 1}, say="Done.")`: whatever is asked, the model calls it once and then says that;
    the list fills with the outputs."""
    outputs: list[str] = []

    def script(tool: str, arguments: dict[str, object], *, times: int = 1, say: str = "Fine.") -> list[str]:
        def reply(question: Question) -> Iterator[Piece]:
            if len(question.outputs) < times:
                yield Calls(tool, json.dumps(arguments))
                return
            outputs[:] = question.outputs
            yield say

        brain.reply = reply
        return outputs

    return script
