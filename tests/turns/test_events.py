"""Plugins are told of tool calls, goals and ends of conversations, each once it is committed and without arguments."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from receptionist import ConversationEnded, Event, GoalChanged, ToolCalled
from receptionist.cli import main
from receptionist.contracts.strategy import StrategyFields
from receptionist.db import Scope
from receptionist.services.strategies import strategies
from tests.harness.house import House
from tests.harness.instance import left_out
from tests.harness.plugins import hook
from tests.servers.brain import Brain, Fails

WITNESS = hook("on_event(event, host)", "seen.append((event, look(host.database_file)))") + (
    "\n\ndef look(file):\n"
    "    import sqlite3\n\n"
    "    with sqlite3.connect(file) as other:\n"
    "        calls = other.execute('SELECT state FROM tool_calls ORDER BY id').fetchall()\n"
    "        ended = other.execute('SELECT count(archived_at) FROM conversations').fetchone()\n"
    "        goals = other.execute('SELECT goals FROM sessions').fetchall()\n"
    "    other.close()\n"
    "    return [state for state, in calls], ended[0], str(goals)\n"
)
GOAL = {"kind": "booking", "title": "A haircut", "slots": [{"name": "day", "value": "Friday"}], "goal_id": None}


@pytest.fixture
def house(open_house: Callable[..., House]) -> House:
    """A house with a plugin that keeps each event, with what another connection to the database saw meanwhile."""
    names = [name for name in left_out().split(",") if name not in ("goals", "farewell")]
    house = open_house({"witness": WITNESS}, DISABLED_PLUGINS=",".join(names))
    house.publish(tools=["note", "set_goal", "close_goal", "end_conversation"])
    return house


def seen(house: House, *kinds: type[Event]) -> list[tuple[Any, Any]]:
    """The events of these kinds, and what was committed when they were told."""
    return [each for each in house.plugin("witness").seen if isinstance(each[0], kinds)]


def make_call(house: House, name: str, arguments: dict[str, Any]) -> None:
    """One turn of conversation 1's customer in which the model calls this tool."""
    house.visitor().say(f"call {name} {json.dumps(arguments)}.")


def test_a_tool_call_is_told_without_what_it_was_about(house: House) -> None:
    make_call(house, "note", {"text": "allergic to nuts"})
    make_call(house, "close_goal", {"goal_id": "g9", "done": True, "outcome": "Booked."})
    [(note, then), (failed, _)] = seen(house, ToolCalled)
    assert note == ToolCalled(1, 1, 1, "note", "done", note.seconds)
    assert then[0] == ["done"], "it was committed before it was told"
    assert 0 < note.seconds < 20
    assert (failed.conversation_id, failed.turn_id, failed.name, failed.state) == (2, 2, "close_goal", "failed")
    assert "nuts" not in str(seen(house, ToolCalled))


def test_a_call_that_a_dead_worker_left_is_told_and_remembered(house: House, brain: Brain) -> None:
    """Workers died within the call until nobody took it up again."""
    visitor = house.visitor()
    visitor.send('call note {"text": "allergic to nuts"}.')

    def die(*_: object, **__: object) -> None:
        raise SystemError("the process died")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("receptionist.pipeline.ledger.Ledger.finish", die)
        house.drain()
    house.sql("UPDATE conversations SET attempts = 3")
    house.make_due()
    house.drain()
    [(told, then)] = seen(house, ToolCalled)
    assert told == ToolCalled(1, 1, 1, "note", "unknown", told.seconds)
    assert then[0] == ["unknown"], "it was committed before it was told"
    assert house.sql("SELECT turns.state, turn_id FROM turns, conversations") == [("failed", None)]
    assert visitor.say("Did you note it?") == "Echo: Did you note it?"
    assert any("it is not known whether it was done" in note for note in brain.questions[-1].notes)
    assert len(seen(house, ToolCalled)) == 1


def test_goals_are_told_when_they_are_set_added_to_and_closed(house: House) -> None:
    visitor = house.visitor()
    for name, arguments in (
        ("set_goal", GOAL),
        ("set_goal", GOAL | {"title": "A haircut at nine", "goal_id": "g1"}),
        ("note", {"text": "likes tea"}),
        ("close_goal", {"goal_id": "g1", "done": False, "outcome": "The customer chose another shop."}),
    ):
        visitor.say(f"call {name} {json.dumps(arguments)}.")
    told = seen(house, GoalChanged)
    assert [event for event, _ in told] == [
        GoalChanged(1, 1, "g1", "booking", "open", "A haircut"),
        GoalChanged(1, 1, "g1", "booking", "open", "A haircut at nine"),
        GoalChanged(1, 1, "g1", "booking", "dropped", "A haircut at nine", "The customer chose another shop."),
    ]
    assert all(event.title in then[2] and event.state in then[2] for event, then in told), "each was committed"
    assert "Friday" not in str([event for event, _ in told])


def test_the_goal_of_a_message_that_is_taken_is_told(house: House, brain: Brain) -> None:
    brain.reply = lambda question: [Fails("the model is gone")]
    visitor = house.visitor()
    for text in ("Do you repair old bikes?", "Ada", "0170 1234567"):
        visitor.say(text)
    goals = [event for event, _ in seen(house, GoalChanged)]
    assert {(event.goal_id, event.kind) for event in goals} == {("g1", "request")}
    assert [event.state for event in goals][-2:] == ["open", "done"]
    assert goals[-1].outcome == "it was passed on"
    assert not any("bikes" in str(event) for event in goals)


def test_the_end_of_a_conversation_is_told_once(house: House) -> None:
    make_call(house, "end_conversation", {"reason": "all is settled"})
    [(ended, then)] = seen(house, ConversationEnded)
    assert (ended, then[1]) == (ConversationEnded(1, 1, "all is settled"), 1)
    assert house.visitor().say("Hello?") == "Echo: Hello?"
    assert len(seen(house, ConversationEnded)) == 1


def test_another_strategy_ends_the_conversations_of_a_line(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        house.visitor().say("Hello?")
    texter = house.texter()
    texter.send("Hello?")
    house.drain()
    with house.parts.database.begin() as connection:
        strategies.publish(Scope(connection, 1), "Night", StrategyFields(agent_name="Nova"), house.factory.check)
    monkeypatch.setattr("receptionist.cli.base.assembled", lambda: (house.parts, house.factory))
    for command in (["use", "Night", "1"], ["use", "Night", "1"], ["give-lead", "3", "Night"]):
        result = CliRunner().invoke(main, ["strategy", *command])
        assert result.exit_code == 0, result.output
    told = seen(house, ConversationEnded)
    assert [event for event, _ in told] == [
        ConversationEnded(1, number, "another strategy answers") for number in (1, 2, 3)
    ]
    assert [then[1] for _, then in told] == [2, 2, 3], "each was committed"
