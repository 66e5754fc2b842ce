from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.demo_model import DemoModel, DemoSettings, register_models, register_settings
from plugins.lead_tools import hand_over, note_lead
from receptionist import Completed, Interrupted, ModelError, Said, TextDelta, ToolRequest
from receptionist.agents.tools import PreparedTool
from receptionist.contracts.strategy import StrategyFields
from tests.models_demo.talk import Talk
from tests.small_plugins.host import MemoryHost


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("Are you open now?", ["closed right now", "We open next today at 13:30."]),
        ("Are you open tomorrow?", ["Tomorrow, Saturday 21 November, we are open 10:00–15:00"]),
        ("When do you close on Thursday?", ["On Thursday 26 November we are open 09:00–12:30 and 13:30–19:30"]),
        ("open on sundays?", ["On Sundays we are closed"]),
        ("Are you open at the weekend?", ["Saturday 21 November, we are open", "On Sunday 22 November we are closed"]),
        ("What are your opening hours?", ["\nMonday: closed\nTuesday: 09:00–12:30", "\nSaturday: 10:00–15:00"]),
        ("Are you open on 2026-11-24?", ["On Tuesday 24 November we are open 09:00"]),
        ("how much is a tune up", ["Basic tune-up: €49.00, 45 minutes"]),
        ("What does a tune-up cost and a full service?", ["Basic tune-up: €49.00", "Full service: €119.00"]),
        ("puncure repair price?", ["Puncture repair: €15.00"]),
        ("How long does a full service take?", ["Full service: €119.00, 150 minutes"]),
        ("what services do you offer?", ["\nBasic tune-up: €49.00\n", "\nSafety check: free of charge"]),
        ("do you repair ebikes?", ["Bosch and Shimano"]),
        ("Do you take credit cards?", ["all debit and credit cards"]),
        ("Where can I park?", ["two free parking spaces"]),
        ("is there a guarantee", ["warranty of 12 months"]),
        ("Do you have gift vouchers?", ["Gift vouchers over any amount"]),
        ("Where are you?", ["27 Maple Street"]),
        ("What's the address and do you have parking?", ["27 Maple Street", "two free parking spaces"]),
        ("what is your phone number and e-mail?", ["+353 20 915 0142", "hello@maplestreetbikes.example"]),
        ("hi, are you open tomorrow and what does a tune-up cost?", ["Hello!", "open 10:00–15:00", "€49.00"]),
        ("are you a robot?", ["automated assistant"]),
        ("thanks a lot", ["welcome"]),
        ("Goodbye", ["Goodbye"]),
        ("ok", ["anything else"]),
        ("Hello there", ["How can I help"]),
    ],
)
def test_answers(question: str, parts: list[str]) -> None:
    answer = Talk().say(question)
    assert [part for part in parts if part not in answer] == []
    assert "not sure" not in answer


@pytest.mark.parametrize(
    ("question", "part"),
    [
        ("where are you?", "parking"),
        ("are you a robot?", "lend you"),
        ("When do you close on Thursday?", "collect"),
        ("how much is a tune up", "Full service"),
        ("what's your phone number", "debit"),
    ],
)
def test_answers_keep_to_the_question(question: str, part: str) -> None:
    assert part not in Talk().say(question)


def test_several_messages_are_one_turn() -> None:
    answer = Talk().say("hi", "are you open tomorrow?", "and what is a wheel truing?")
    assert "Tomorrow, Saturday" in answer
    assert "Wheel truing: €22.00" in answer


def test_open_now_follows_the_clock() -> None:
    talk = Talk(now=Talk().now + timedelta(hours=1))
    assert "We are open right now" in talk.say("are you open?")


def test_the_first_reply_greets_and_discloses() -> None:
    talk = Talk(first=True)
    answer = talk.say("hi")
    assert answer.startswith(talk.fields.greeting)
    assert "automated assistant of Maple Street Bike Works" in answer
    assert "automated assistant" not in talk.say("hi again")


def test_the_first_reply_discloses_before_it_answers() -> None:
    answer = Talk(first=True).say("how much is a tune-up?")
    assert answer.index("automated assistant") < answer.index("€49.00")


def test_no_disclosure_where_the_strategy_wants_none() -> None:
    fields = Talk().fields.model_copy(update={"disclosure": False})
    assert "automated" not in Talk(fields=fields, first=True).say("hi")


def test_known_customers_are_greeted_by_name() -> None:
    talk = Talk(lead={"id": 7, "name": "Ada", "email": None, "phone": None, "company": None, "notes": ""})
    assert "Hello Ada!" in talk.say("Hi, are you open tomorrow?")
    assert "Hello Ada, and welcome" in replace(talk, first=True, items=[]).say("hello")


@pytest.mark.parametrize(
    ("text", "noted"),
    [
        ("I'm Ada", {"name": "Ada"}),
        ("Hi, my name is Ada Lovelace.", {"name": "Ada Lovelace"}),
        ("my name is ada", {"name": "Ada"}),
        ("call me back at 0170 1234567", {"phone": "0170 1234567"}),
        ("This is Zoë O'Neill, +353 (0)20 915-0142", {"name": "Zoë O'Neill", "phone": "+353 (0)20 915-0142"}),
        ("write to ada@example.org please", {"email": "ada@example.org"}),
    ],
)
def test_what_customers_tell_is_noted(text: str, noted: dict[str, str]) -> None:
    talk = Talk()
    answer = talk.say(text)
    ((name, arguments),) = talk.calls
    assert name == "note_lead"
    assert {key: value for key, value in arguments.items() if value and key != "note"} == noted
    assert "I have noted your" in answer


@pytest.mark.parametrize(
    "text",
    ["I'm looking for a bike", "I am Interested", "Are you open on 2026-12-24?", "is 180 euros right", "it's Monday"],
)
def test_what_is_no_name_and_no_number_is_not_noted(text: str) -> None:
    talk = Talk()
    talk.say(text)
    assert "note_lead" not in [name for name, _ in talk.calls]


def test_what_is_missing_is_asked_for() -> None:
    talk = Talk()
    assert "May I have your name?" in talk.say("Please call me back at 0170 1234567")
    answer = talk.say("ada lovelace")
    assert "Thank you, Ada Lovelace" in answer
    assert "?" not in answer
    assert [arguments["name"] for _, arguments in talk.calls] == [None, "Ada Lovelace"]


def test_a_name_alone_leads_to_the_number() -> None:
    talk = Talk()
    assert "What phone number" in talk.say("I'm Ada")
    assert "I have noted your phone number 0170 1234567" in talk.say("0170 1234567")


def test_a_question_instead_of_the_name_is_answered() -> None:
    talk = Talk()
    talk.say("call me back at 0170 1234567")
    assert "Tomorrow, Saturday" in talk.say("are you open tomorrow?")
    assert len(talk.calls) == 1


def test_nothing_is_claimed_that_the_tool_did_not_do() -> None:
    answer = Talk(result=lambda name, arguments: "This is not a phone number; ask for it again.").say(
        "I'm Ada, 0170 1234567"
    )
    assert "could not note that: This is not a phone number" in answer
    assert "I have noted" not in answer
    answer = Talk(result=lambda name, arguments: "This did not work.").say("can I talk to a human?")
    assert "could not reach a person" in answer
    assert "I have told" not in answer


@pytest.mark.parametrize(
    "text", ["can I talk to a human?", "I want to speak with the manager", "human", "I want to complain"]
)
def test_a_person_is_asked_for(text: str) -> None:
    talk = Talk()
    assert "I have told the business" in talk.say(text)
    assert [name for name, _ in talk.calls] == ["hand_over"]


def test_without_tools_it_names_other_ways() -> None:
    talk = Talk(tools=())
    assert "+353 20 915 0142" in talk.say("I'm Ada, call me back at 0170 1234567")
    assert "+353 20 915 0142" in talk.say("a real person please")
    assert "noted" not in str(talk.items)
    assert talk.calls == []


def test_far_dates_are_looked_up() -> None:
    talk = Talk()
    assert "On Friday 25 December we are closed (Christmas)." in talk.say("are you open on 25 December?")
    assert talk.calls == [("open_times", {"day": "2026-12-25"})]
    assert "by our regular hours" in Talk(tools=()).say("are you open on December 25th?")


def test_calls_of_a_dead_worker_are_not_made_again() -> None:
    talk = Talk()
    call = '- hand_over({"reason": "x"}) → {"handed_over": true}'
    note = f"In this turn these tools were called already; do not repeat them:\n{call}"
    talk.items = [Said("user", "can I talk to a human?"), Said("system", note)]
    assert "I have told the business" in talk.say()
    assert talk.calls == []


def test_the_calls_fit_the_bundled_tools() -> None:
    talk = Talk()
    talk.say("I'm Ada, call me at 0170 1234567 please, I need to speak to a person")
    tools = {"note_lead": PreparedTool(note_lead), "hand_over": PreparedTool(hand_over)}
    assert [name for name, _ in talk.calls] == ["note_lead", "hand_over"]
    for event in DemoModel(MemoryHost()).stream(replace(talk.request(), items=tuple(talk.items[:1]))):
        if isinstance(event, ToolRequest):
            assert tools[event.name].parse(event.arguments)


def test_the_fallback_tells_what_can_be_asked() -> None:
    answer = Talk().say("what is the meaning of life?")
    assert "opening hours" in answer
    assert "services and prices" in answer
    assert "take a message" in answer
    assert "take a message" not in Talk(tools=()).say("what is the meaning of life?")


def test_it_knows_nothing_by_itself() -> None:
    talk = Talk(fields=StrategyFields(), tools=())
    for question in ("what are your prices?", "where are you?", "opening hours?", "phone number?", "e-bikes?"):
        answer = talk.say(question)
        assert "€" not in answer
        assert "Maple Street," not in answer
        assert "open 0" not in answer
        assert "closed" not in answer


@given(st.lists(st.text(max_size=80), min_size=1, max_size=3), st.booleans(), st.booleans())
def test_anything_gets_an_answer(texts: list[str], first: bool, tools: bool) -> None:
    talk = Talk(first=first, tools=("note_lead", "hand_over") if tools else ())
    assert talk.say(*texts).strip()


def test_a_large_strategy_is_searched_quickly() -> None:
    facts = [{"topic": f"Topic {n}", "text": " ".join(f"word{n}x{m}" for m in range(150))} for n in range(200)]
    talk = Talk(fields=StrategyFields.model_validate({"facts": facts}))
    started = time.monotonic()
    talk.say(" ".join(f"wird{n}x{n}" for n in range(500)))
    assert time.monotonic() - started < 10


def test_hostile_length_is_read_quickly() -> None:
    started = time.monotonic()
    for text in ("my name is " * 800, "+1 " * 3000, "a@" * 4000, "are you " * 1000, "1" * 8000, "x " * 4000):
        Talk().say(text)
    assert time.monotonic() - started < 10


def test_it_streams_word_by_word() -> None:
    events = list(
        DemoModel(MemoryHost(demo_word_seconds=0)).stream(replace(Talk(items=[Said("user", "hi")]).request()))
    )
    assert [event.text for event in events if isinstance(event, TextDelta)] == [
        "Hello!",
        " How",
        " can",
        " I",
        " help",
        " you?",
    ]
    assert isinstance(events[-1], Completed)
    assert events[-1].model == "demo"


def test_it_pauses_before_each_word() -> None:
    started = time.monotonic()
    list(DemoModel(MemoryHost(demo_word_seconds=0.02)).stream(Talk(items=[Said("user", "hi")]).request()))
    assert time.monotonic() - started >= 6 * 0.02


def test_it_stops_when_the_answer_is_not_wanted() -> None:
    seen: list[Any] = []

    def check() -> None:
        if len(seen) == 2:
            raise Interrupted("a newer message")

    stream = DemoModel(MemoryHost(demo_word_seconds=0)).stream(Talk(items=[Said("user", "hi")]).request(check=check))
    with pytest.raises(Interrupted):
        for event in stream:
            seen.append(event)  # noqa: PERF402 - what came before the interruption must be kept
    assert len(seen) == 2


def test_it_stops_at_the_deadline() -> None:
    request = Talk(items=[Said("user", "hi")]).request(deadline=time.monotonic() - 1)
    with pytest.raises(ModelError, match="in time"):
        list(DemoModel(MemoryHost(demo_word_seconds=0)).stream(request))


def test_its_card() -> None:
    (model,) = register_models(MemoryHost())
    assert (model.name, model.title, model.preference, model.notice) == ("demo", "Demo (no AI)", 0, "Demo answers")
    assert model.ready()
    assert register_settings() == [DemoSettings]
