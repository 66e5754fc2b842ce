"""A model that says what it did not do: told once, then a safe sentence, a task and a person; never the lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner

from receptionist import Event, PersonRequested
from receptionist.cli import main
from receptionist.db import Scope
from receptionist.services.conversations import handover
from tests.harness.house import House, drain_events
from tests.servers.brain import Brain, Calls, Fails, Piece, Question

DESK = """
from receptionist import ToolContext, ToolError, hookimpl, tool


@tool(effect="writes", claims=("booked",))
def reserve(hour: int) -> str:
    "Reserve an hour."
    if hour < 8:
        raise ToolError("Closed at that hour.")
    return f"reserved {hour}"


@tool(effect="writes", claims=())
def remember() -> str:
    "Remember something nobody is told of."
    return "remembered"


@tool(effect="writes")
def anything() -> str:
    "Do something its author said nothing about."
    return "done"


@tool(claims=("booked",))
def look_up() -> str:
    "Look up what is booked."
    return "Friday at 3"


@tool(effect="writes", claims=())
def ask_colleague(context: ToolContext) -> str:
    "Ask for a person."
    context.hand_over("A question", "Nobody knows.")
    return "asked"


@hookimpl
def register_tools(host):
    return [reserve, remember, anything, look_up, ask_colleague]
"""
LIE, TRUTH = "Great, I've booked you in for 3 pm. See you!", "I can book you in for 3 pm if you tell me your name."
SAFE = "I have not been able to do that yet; somebody of the business will look after it."


@pytest.fixture
def desk(open_house: Callable[..., House]) -> House:
    """A house with tools that say what they back."""
    house = open_house({"desk": DESK})
    house.publish(tools=["reserve", "remember", "anything", "look_up", "ask_colleague"])
    return house


def says(brain: Brain, *answers: Piece) -> None:
    """One answer after the other, whatever is asked; the last one for ever."""
    left = list(answers)

    def reply(question: Question) -> Iterator[Piece]:
        yield left.pop(0) if len(left) > 1 else left[0]

    brain.reply = reply


def tasks(house: House) -> list[tuple[str, str]]:
    """(kind, text) of what persons have to do."""
    return [tuple(row) for row in house.sql("SELECT kind, text FROM tasks ORDER BY id")]


def outbound(house: House) -> list[str]:
    """Every reply that was recorded."""
    return [row.text for row in house.sql("SELECT text FROM messages WHERE direction = 'out' ORDER BY id")]


def test_a_lie_is_mended_by_the_model(desk: House, brain: Brain) -> None:
    says(brain, LIE, TRUTH)
    assert desk.visitor().say("3 pm, please.") == TRUTH
    assert "I've booked you in for 3 pm." in brain.questions[-1].notes[-1]
    assert "reserve" in brain.questions[-1].tools
    assert tasks(desk) == []
    assert outbound(desk) == [TRUTH]


def test_a_lie_is_made_true_by_the_model(desk: House, brain: Brain) -> None:
    says(brain, LIE, Calls("reserve", '{"hour": 15}'), LIE)
    assert desk.visitor().say("3 pm, please.") == LIE
    assert tasks(desk) == []


def test_a_model_that_keeps_lying(desk: House, brain: Brain, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Event] = []
    monkeypatch.setattr(desk.parts, "emit", told.append)
    says(brain, LIE)
    assert desk.visitor().say("3 pm, please.") == f"{SAFE} See you!"
    assert len(brain.questions) == 2
    assert tasks(desk) == [("claim", "Great, I've booked you in for 3 pm.")]
    assert [row.turn_id for row in desk.sql("SELECT turn_id FROM tasks")] == [1]
    [asked] = [event for event in told if isinstance(event, PersonRequested)]
    assert asked.reason == "the agent was about to say that something was done which was not"
    monkeypatch.setattr("receptionist.cli.base.assembled", lambda: (desk.parts, desk.factory))
    listed = CliRunner().invoke(main, ["conversation", "list", "--person"])
    assert "wants a person" in listed.output, listed.output


def test_what_a_tool_did_may_be_said(desk: House, brain: Brain) -> None:
    says(brain, Calls("reserve", '{"hour": 15}'), LIE)
    assert desk.visitor().say("3 pm, please.") == LIE
    assert len(brain.questions) == 2


def test_what_a_tool_refused_may_not(desk: House, brain: Brain) -> None:
    says(brain, Calls("reserve", '{"hour": 5}'), LIE)
    assert desk.visitor().say("5 am, please.") == f"{SAFE} See you!"


@pytest.mark.parametrize(
    ("tool", "reply", "passes"),
    [
        ("remember", LIE, False),
        ("anything", LIE, True),
        ("look_up", LIE, True),
        ("ask_colleague", "Somebody will call you back.", True),
        ("remember", "Somebody will call you back.", False),
    ],
)
def test_what_each_tool_backs(tool: str, reply: str, passes: bool, desk: House, brain: Brain) -> None:
    says(brain, Calls(tool), reply)
    assert (desk.visitor().say("Please.") == reply) is passes


def test_what_was_done_in_an_earlier_turn_stays_true(desk: House, brain: Brain) -> None:
    visitor = desk.visitor()
    says(brain, Calls("reserve", '{"hour": 15}'), LIE)
    visitor.say("3 pm, please.")
    says(brain, "Yes, you're booked for 3 pm.")
    assert visitor.say("So am I booked?") == "Yes, you're booked for 3 pm."
    says(brain, "I'll book you in for 4 pm as well.")
    assert visitor.say("And 4 pm?") == SAFE
    says(brain, "Your appointment has been cancelled.")
    assert visitor.say("Cancel it.") == SAFE
    assert desk.visitor().say("Somebody else: cancel mine.") == SAFE


def test_a_person_asked_for_may_be_promised_again(desk: House, brain: Brain) -> None:
    visitor = desk.visitor()
    says(brain, Calls("ask_colleague"), "Somebody will call you back.")
    visitor.say("I have a question.")
    says(brain, "As I said, somebody will call you back.")
    assert visitor.say("When?") == "As I said, somebody will call you back."


def test_who_watches_does_not_keep_the_lie(desk: House, brain: Brain) -> None:
    says(brain, LIE)
    visitor = desk.visitor()
    with visitor.watch() as watch:
        visitor.send("3 pm, please.")
        desk.drain()
        events = drain_events(watch)
    shown, seen = "", []
    for event in events:
        if event.type == "delta":
            shown += str(event.data["text"])
        elif event.type == "reset":
            seen.append(shown)
            shown = ""
    assert LIE in seen  # it was streamed, and taken back
    assert shown == ""
    assert visitor.replies() == [f"{SAFE} See you!"]


@pytest.mark.parametrize("kind", ["idempotent", "askable", "blind"])
def test_nobody_is_sent_the_lie(kind: str, desk: House, brain: Brain) -> None:
    says(brain, LIE)
    customer = desk.texter(kind)
    customer.send("3 pm, please.")
    desk.drain()
    assert customer.replies() == [f"{SAFE} See you!"]


def test_it_is_said_in_the_language_of_the_lie(desk: House, brain: Brain) -> None:
    says(brain, "Gern! Ich habe Sie für 15 Uhr eingetragen. Sie bekommen gleich eine Mail.")
    reply = desk.visitor().say("15 Uhr, bitte.")
    assert reply == "Gern! Das konnte ich noch nicht erledigen; jemand aus dem Betrieb kümmert sich darum."
    [(kind, text)] = tasks(desk)
    assert (kind, text) == ("claim", "Ich habe Sie für 15 Uhr eingetragen.; Sie bekommen gleich eine Mail.")


def test_a_model_that_fails_when_it_is_told(desk: House, brain: Brain) -> None:
    says(brain, LIE, Fails())
    assert desk.visitor().say("3 pm, please.") == f"{SAFE} See you!"
    assert desk.sql("SELECT state FROM turns")[0].state == "done"


def test_an_earlier_call_is_no_reason_to_say_that_more_was_done(desk: House, brain: Brain) -> None:
    visitor = desk.visitor()
    says(brain, Calls("reserve", '{"hour": 15}'), LIE)
    visitor.say("3 pm, please.")
    says(brain, "I've booked you in for 4 pm, too.")
    assert visitor.say("And 4 pm?") == SAFE
    says(brain, "As I said, I've already booked you in for 3 pm.")
    assert visitor.say("So am I booked?") == "As I said, I've already booked you in for 3 pm."


def test_a_person_backs_the_agent_for_a_while(desk: House, brain: Brain) -> None:
    visitor = desk.visitor()
    says(brain, "Hello!")
    visitor.say("Hi")
    with desk.parts.database.begin() as connection:
        handover.reply(Scope(connection, 1), 1, "Ann", "I have put you down.", 60, fetched=True)
        handover.hand_back(Scope(connection, 1), 1)
    says(brain, "Yes, you're booked for 3 pm.")
    assert visitor.say("So am I booked?") == "Yes, you're booked for 3 pm."
    says(brain, "I've booked you in for 4 pm, too.")
    assert visitor.say("And 4 pm?") == SAFE
    desk.sql("UPDATE conversations SET next_seq = next_seq + 20")
    says(brain, "Yes, you're booked for 3 pm.")
    assert visitor.say("So am I booked?") == SAFE
