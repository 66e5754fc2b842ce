"""F18 to F20: what a model may do wrong with tools, and what tools may do wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from receptionist.agents.agent import MAX_ROUNDS
from receptionist.agents.toolbox import MAX_CALLS, MAX_SHOWN
from tests.harness.house import House
from tests.servers.brain import Brain, Calls, Piece, Question

WILD = """
import sys
import threading

from receptionist import ToolError, hookimpl, tool

go_on = threading.Event()
acted = []


@tool
def explode() -> str:
    "Raise."
    raise RuntimeError("secret detail")


@tool
def leave() -> str:
    "Exit."
    sys.exit(3)


@tool
def flood() -> str:
    "Return ten megabytes."
    return "x" * 10_000_000


@tool(timeout=0.3)
def hang() -> str:
    "Hang."
    go_on.wait(20)
    return "late"


@tool(timeout=0.3, effect="writes")
def hang_writing() -> str:
    "Hang in the middle of an effect."
    go_on.wait(20)
    return "late"


@tool(effect="writes", idempotent=True)
def explode_writing() -> str:
    "Raise after an effect."
    raise RuntimeError("the vendor's answer got lost")


@tool(timeout=0.3, effect="writes", idempotent=True)
def hang_with_key() -> str:
    "Hang in the middle of an effect that has a key."
    go_on.wait(20)
    return "late"


@tool
def decline() -> str:
    "Say no."
    raise ToolError("We are closed that day; offer another.")


@tool
def strange() -> object:
    "Return something that is not text."
    return {"when": {1, 2}, "key": object}


@tool(effect="writes")
def count(number: int) -> str:
    "Count."
    acted.append(number)
    return str(number)


@hookimpl
def register_tools(host):
    return [explode, explode_writing, hang_with_key, leave, flood, hang, hang_writing, decline, strange, count]
"""
NAMES = [
    "explode",
    "explode_writing",
    "hang_with_key",
    "leave",
    "flood",
    "hang",
    "hang_writing",
    "decline",
    "strange",
    "count",
    "note",
]


@pytest.fixture
def wild(open_house: Callable[..., House]) -> Iterator[House]:
    """A house with tools that misbehave."""
    house = open_house({"wild": WILD})
    house.publish(tools=NAMES)
    yield house
    house.plugin("wild").go_on.set()


def calls(house: House) -> list[tuple[str, str]]:
    """(name, state) of the ledgered calls."""
    return [tuple(row) for row in house.sql("SELECT name, state FROM tool_calls ORDER BY id")]


@pytest.mark.parametrize(
    ("name", "output", "state"),
    [
        ("explode", "This did not work because of a technical problem.", "failed"),
        ("leave", "This did not work because of a technical problem.", "failed"),
        ("hang", "This took too long and was given up.", "failed"),
        ("hang_writing", "it is not known whether it was done", "unknown"),
        ("hang_with_key", "it is not known whether it was done", "unknown"),
        ("explode_writing", "it is not known whether it was done", "unknown"),
        ("decline", "We are closed that day; offer another.", "failed"),
        ("strange", '"when"', "done"),
    ],
)
def test_a_misbehaving_tool(name: str, output: str, state: str, wild: House) -> None:
    visitor = wild.visitor()
    reply = visitor.say(f"call {name} {{}}.")
    assert output in reply
    assert "secret detail" not in reply
    assert calls(wild) == [(name, state)]
    assert visitor.say("Are you well?") == "Echo: Are you well?"


def test_a_flood_is_cut(wild: House, brain: Brain) -> None:
    wild.visitor().say("call flood {}.")
    [output] = next(question.outputs for question in brain.questions[::-1] if question.outputs)
    assert output == "x" * MAX_SHOWN
    assert len(wild.sql("SELECT result FROM tool_calls")[0].result) == MAX_SHOWN


@pytest.mark.parametrize(
    "arguments",
    [
        "{",
        "[]",
        "null",
        '{"number": "many"}',
        '{"number": NaN}',
        '{"number": 1, "number": 2}',
        '{"number": 1, "extra": true}',
        "{}",
        '{"number": "\\ud800"}',
        '{"number": ' + "[" * 5000 + "]" * 5000 + "}",
        '{"number": ' + "1" * 1_000_000 + "}",
    ],
    ids=lambda text: text[:30],
)
def test_malformed_arguments_reach_no_tool(arguments: str, wild: House, brain: Brain) -> None:
    """The model is told once; if it does it again, it must answer without tools."""
    told: list[list[str]] = []

    def reply(question: Question) -> Iterator[Piece]:
        told.append(question.outputs)
        if question.tools:
            yield Calls("count", arguments)
        else:
            yield "I could not count."

    brain.reply = reply
    assert wild.visitor().say("Count, please.") == "I could not count."
    assert wild.plugin("wild").acted == []
    assert calls(wild) == []
    assert [len(outputs) for outputs in told] == [0, 1, 2]
    assert all(output.startswith("Not called") for output in told[-1])


def test_an_unknown_tool(wild: House, brain: Brain) -> None:
    def reply(question: Question) -> Iterator[Piece]:
        yield "; ".join(question.outputs) if question.outputs else Calls("drop_table", "{}")

    brain.reply = reply
    assert wild.visitor().say("Break it.") == "Not called: there is no tool 'drop_table'."


def test_a_tool_that_is_not_the_strategys(house: House, brain: Brain) -> None:
    """There, but not switched on: the model cannot call it."""
    house.publish(tools=["note"])

    def reply(question: Question) -> Iterator[Piece]:
        yield "; ".join(question.outputs) if question.outputs else Calls("pay", '{"what": "all"}')

    brain.reply = reply
    assert house.visitor().say("Pay.") == "Not called: there is no tool 'pay'."


def test_an_endless_loop_ends(wild: House, brain: Brain) -> None:
    asked: list[Question] = []

    def reply(question: Question) -> Iterator[Piece]:
        asked.append(question)
        if question.tools:
            yield Calls("count", f'{{"number": {len(asked)}}}')
        else:
            yield "Enough."

    brain.reply = reply
    assert wild.visitor().say("Go on for ever.") == "Enough."
    assert wild.plugin("wild").acted == list(range(1, MAX_ROUNDS + 1))
    assert len(asked) == MAX_ROUNDS + 1


def test_a_model_that_only_calls_ends_in_the_apology(wild: House, brain: Brain) -> None:
    """It calls even when no tool is offered, and never says a word."""
    brain.reply = lambda question: iter([Calls("count", '{"number": 1}')])
    assert wild.visitor().say("Say something.").startswith("Sorry")
    assert len(wild.plugin("wild").acted) <= MAX_CALLS


def test_many_calls_at_once_are_capped(wild: House, brain: Brain) -> None:
    def reply(question: Question) -> Iterator[Piece]:
        if question.outputs:
            yield f"{sum(output.startswith('Not called') for output in question.outputs)} refused"
        else:
            yield from (Calls("count", f'{{"number": {number}}}') for number in range(50))

    brain.reply = reply
    assert wild.visitor().say("Count to fifty.") == f"{50 - MAX_CALLS} refused"
    assert wild.plugin("wild").acted == list(range(MAX_CALLS))


def test_changes_of_a_call_are_kept_only_if_it_ends_well(wild: House, open_house: Callable[..., House]) -> None:
    source = WILD.replace(
        'def decline() -> str:\n    "Say no."\n',
        'def decline(context) -> str:\n    "Say no."\n    context.update_lead(note="half done")\n',
    )
    house = open_house({"wild": source})
    house.publish(tools=NAMES)
    house.visitor().say("call decline {}.")
    assert house.sql("SELECT notes FROM leads") == [("",)]
    house.visitor().say('call note {"text": "whole"}.')
    assert sorted(row.notes for row in house.sql("SELECT notes FROM leads")) == ["", "whole"]


def test_hanging_tools_do_not_outlive_the_test(wild: House) -> None:
    """Their threads never keep the process from ending."""
    wild.visitor().say("call hang {}.")
    [thread] = [thread for thread in threading.enumerate() if thread.name == "tool-hang"]
    assert thread.daemon
