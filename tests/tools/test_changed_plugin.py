"""A call that a dead worker left, taken up by one whose plugin takes other arguments by now."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from receptionist import tool
from receptionist.agents.tools import PreparedTool, prepared_tool
from tests.harness.house import House
from tests.servers.brain import Brain, Calls, Piece, Question

OLD = """
from receptionist import hookimpl, tool


@tool(effect="writes", claims=("booked",))
def reserve(hour: int) -> str:
    "Reserve an hour."
    return f"reserved {hour}"


@hookimpl
def register_tools(host):
    return [reserve]
"""


def changed() -> PreparedTool:
    """The same tool as a newer version of its plugin has it."""

    @tool(effect="writes", claims=("booked",))
    def reserve(day: str, hour: int) -> str:
        "Reserve an hour of a day."
        return f"reserved {day} {hour}"

    return prepared_tool(reserve)


@pytest.mark.parametrize(
    ("where", "state", "reply"),
    [
        ("receptionist.pipeline.ledger.Ledger.finish", "unknown", "I could not book that."),
        ("receptionist.pipeline.turn.record", "done", "You're booked for 3 pm."),
    ],
)
def test_the_turn_goes_on(where: str, state: str, reply: str, open_house: Callable[..., House], brain: Brain) -> None:
    house = open_house({"desk": OLD})
    house.publish(tools=["reserve"])

    def answer(question: Question) -> Iterator[Piece]:
        told = question.outputs or "were called already" in str(question.notes)
        yield reply if told else Calls("reserve", '{"hour": 15}')

    brain.reply = answer
    visitor = house.visitor()
    visitor.send("3 pm, please.")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where, _die)
        house.drain()
    house.factory._tools["reserve"] = changed()
    house.make_due()
    house.drain()
    assert [row.state for row in house.sql("SELECT state FROM tool_calls")] == [state]
    assert visitor.replies() == [reply]


def _die(*_: object, **__: object) -> None:
    raise SystemError("the process died")
