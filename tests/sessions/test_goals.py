"""Goals: kept between turns, shown to the model, closed with an outcome, and never overwritten."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from receptionist.db import Scope, db_now
from receptionist.errors import ToolError
from receptionist.models import Conversation, Message, Session, Turn
from receptionist.pipeline.retention import Retention
from receptionist.services.conversations import sessions
from receptionist.services.conversations.sessions import GoalClosed, GoalSet, SessionState
from tests.harness.databases import SQLITE
from tests.harness.house import House, Visitor
from tests.servers.brain import Brain
from tests.servers.vendor_server import VendorServer

BOOKING = {
    "kind": "booking",
    "title": "A haircut on Friday",
    "slots": [{"name": "service", "value": "Cut"}, {"name": "day", "value": "Friday"}],
    "goal_id": None,
}


def call(visitor: Visitor, tool: str, **arguments: object) -> str:
    """Have the model call a tool; its last words."""
    return visitor.say(f"call {tool} {json.dumps(arguments)}.")


def shown_goals(brain: Brain, about: str) -> list[dict[str, object]]:
    """The open goals that the model was reminded of."""
    notes = [note for note in brain.about(about)[-1].notes if note.startswith("Open goals")]
    return json.loads(notes[0].partition("instructions: ")[2]) if notes else []


def test_a_goal_is_kept_shown_filled_in_and_closed(house: House, brain: Brain) -> None:
    visitor = house.visitor()
    call(visitor, "set_goal", **BOOKING)
    visitor.say("And what about you?")
    [goal] = shown_goals(brain, "And what about you?")
    assert goal == {
        "id": "g1",
        "kind": "booking",
        "title": "A haircut on Friday",
        "slots": {"service": "Cut", "day": "Friday"},
    }
    call(visitor, "set_goal", **{**BOOKING, "slots": [{"name": "time", "value": "15:00"}], "goal_id": "g1"})
    visitor.say("Is that all?")
    [goal] = shown_goals(brain, "Is that all?")
    assert goal["slots"] == {"service": "Cut", "day": "Friday", "time": "15:00"}
    call(visitor, "close_goal", goal_id="g1", done=False, outcome="The customer chose another shop.")
    visitor.say("Bye then.")
    assert shown_goals(brain, "Bye then.") == []
    [row] = house.sql("SELECT goals, version FROM sessions")
    [closed] = row.goals if isinstance(row.goals, list) else json.loads(row.goals)
    assert (closed["state"], closed["outcome"], row.version) == ("dropped", "The customer chose another shop.", 3)


def test_goals_are_of_one_conversation(house: House, brain: Brain) -> None:
    one, other = house.visitor(), house.visitor()
    call(one, "set_goal", **BOOKING)
    other.say("Do you know me?")
    assert shown_goals(brain, "Do you know me?") == []


@pytest.fixture
def other(house: House, vendor: VendorServer) -> Iterator[House]:
    """Another process on the database of `house`, as after a restart: it shares nothing else."""
    made = House(house.path, vendor)
    yield made
    made.close()


def days_pass(house: House, days: int) -> None:
    """All that there is was written so long ago, and what is not kept for ever was dropped."""
    then = db_now(-86_400.0 * days)
    with house.parts.database.begin() as connection:
        connection.execute(sa.update(Conversation).values(created_at=then, last_message_at=then))
        connection.execute(sa.update(Message).values(created_at=then))
        connection.execute(sa.update(Session).values(updated_at=then))
        connection.execute(sa.update(Turn).values(started_at=then))
    Retention(house.parts.database, house.parts.settings.trace_days).forget_old()


def test_goals_survive_restarts_other_workers_and_days(house: House, other: House, brain: Brain) -> None:
    visitor = house.visitor()
    call(visitor, "set_goal", **BOOKING)
    visitor.say("I will see.")
    days_pass(house, 40)
    again = Visitor(other, visitor.sender)
    again.say("Hello again!")
    assert [goal["id"] for goal in shown_goals(brain, "Hello again!")] == ["g1"]
    call(again, "set_goal", **{**BOOKING, "slots": [{"name": "time", "value": "15:00"}], "goal_id": "g1"})
    days_pass(other, 3)
    visitor.say("Is it noted?")  # the first one remembers what was before
    [goal] = shown_goals(brain, "Is it noted?")
    assert goal["slots"] == {"service": "Cut", "day": "Friday", "time": "15:00"}
    assert house.sql("SELECT count(*) FROM conversations") == [(1,)]


@SQLITE
def test_templates_see_the_open_goals(house: House, brain: Brain) -> None:
    house.publish(
        system_prompt_template="Goals: {% for goal in goals %}{{ goal.title }}{% endfor %}.", disclosure=False
    )
    visitor = house.visitor()
    call(visitor, "set_goal", **BOOKING)
    visitor.say("What do you know?")
    assert brain.about("What do you know?")[-1].instructions == "Goals: A haircut on Friday."


@SQLITE
def test_a_goal_that_is_not_there_is_an_error_for_the_model(house: House) -> None:
    visitor = house.visitor()
    reply = call(visitor, "close_goal", goal_id="g7", done=True, outcome="Done.")
    assert "There is no open goal 'g7'; open ones: none." in reply
    with house.parts.database.read() as connection:
        assert sessions.load(Scope(connection, 1), 1).goals == ()


def test_two_writers_do_not_overwrite_each_other(house: House) -> None:
    visitor = house.visitor()
    visitor.say("Hello?")
    start = threading.Barrier(4)

    def write(number: int) -> None:
        start.wait(10)
        for _ in range(2):
            with house.parts.database.begin() as connection:
                change = GoalSet("request", f"Wish {number}", {})
                sessions.change(Scope(connection, 1), 1, change.apply)

    with house.parts.database.begin() as connection:
        sessions.change(Scope(connection, 1), 1, lambda state: state)
    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
    with house.parts.database.read() as connection:
        state = sessions.load(Scope(connection, 1), 1)
    assert state.version == 9
    assert sorted(goal.title for goal in state.open_goals) == sorted(f"Wish {n}" for n in range(4) for _ in range(2))
    assert len({goal.id for goal in state.goals}) == 8


def test_goals_are_bounded() -> None:
    state = SessionState()
    for number in range(8):
        state = GoalSet("question", f"Question {number}", {}).apply(state)
    with pytest.raises(ToolError, match="8 open goals"):
        GoalSet("question", "One more", {}).apply(state)
    for number in range(1, 30):
        state = GoalClosed(f"g{number}", True, "Answered.").apply(state)
        state = GoalSet("question", "Another", {}).apply(state)
    assert len(state.open_goals) == 8
    assert len(state.goals) == 18
    long = {f"slot {number}": "x" * 300 for number in range(6)}
    state = GoalSet("question", "Another", long, goal_id=state.open_goals[0].id).apply(state)
    with pytest.raises(ToolError, match="take 2000 characters together"):
        GoalSet("question", "Another", {"more": "x" * 300}, goal_id=state.open_goals[-1].id).apply(state)


def test_what_does_not_fit_the_cache_is_read_again(house: House, brain: Brain) -> None:
    house.runner.drain._known.sessions._sessions.__init__(maxsize=1, ttl=60)  # type: ignore[misc]
    visitors = [house.visitor() for _ in range(3)]
    for number, visitor in enumerate(visitors):
        call(visitor, "set_goal", **{**BOOKING, "title": f"Goal {number}"})
    for number, visitor in enumerate(visitors):
        visitor.say(f"What did I want, number {number}?")
        assert [goal["title"] for goal in shown_goals(brain, f"What did I want, number {number}?")] == [
            f"Goal {number}"
        ]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_two_that_begin_a_session_at_once_both_have_their_way(house: House) -> None:
    house.visitor().say("Hello.")
    database = house.parts.database

    def first(state: SessionState) -> SessionState:
        return sessions.with_call(state, "book", "{}", "booked")

    def second(state: SessionState) -> SessionState:
        if not state.version:  # the other one is quicker, between our look and our row
            with database.begin() as connection:
                sessions.change(Scope(connection, 1), 1, first)
        return sessions.with_summary(state, "All of it.", 2)

    with database.begin() as connection:
        assert sessions.change(Scope(connection, 1), 1, second).version == 2
    with database.read() as connection:
        state = sessions.load(Scope(connection, 1), 1)
    assert ([call["name"] for call in state.calls], state.summary) == (["book"], "All of it.")
