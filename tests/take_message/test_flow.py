"""While no model answers, a script asks what it is about, a name and a number, and passes the message on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from receptionist import Event, LeadChanged, MessageFailed, PersonRequested, TurnRecorded
from tests.harness.house import House, Visitor
from tests.harness.instance import left_out
from tests.limits.support import replay
from tests.servers.brain import Brain, Fails, Question

SORRY = "Sorry, I cannot answer just now. We have your message and will get back to you."
NEED = "I can take a message: what is it about?"
NAME = "May I have your name, so that somebody can get back to you?"
CONTACT = "On which phone number or e-mail address can you be reached?"
PASSED_ON = "Thank you, I have passed your message on; somebody of the business will get back to you."


@pytest.fixture
def told(house: House, monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """The events plugins were told of."""
    events: list[Event] = []
    monkeypatch.setattr(house.parts, "emit", events.append)
    return events


@pytest.fixture(autouse=True)
def broken(brain: Brain) -> Brain:
    """No model answers."""
    brain.reply = lambda question: [Fails("the model is gone")]
    return brain


def goals(house: House) -> list[dict[str, Any]]:
    """The goals of the only session."""
    [row] = house.sql("SELECT goals FROM sessions")
    return json.loads(row.goals) if isinstance(row.goals, str) else list(row.goals)


def tasks(house: House) -> list[tuple[str, str]]:
    """(kind, text) of what persons have to do."""
    return [tuple(row) for row in house.sql("SELECT kind, text FROM tasks ORDER BY id")]


def states(house: House) -> list[str]:
    """Of the customers' messages, and of their turns."""
    return [row.state for row in house.sql("SELECT state FROM messages WHERE direction = 'in' ORDER BY id")]


def talk(visitor: Visitor, *texts: str) -> list[str]:
    """What is said to each text."""
    return [visitor.say(text) for text in texts]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
def test_need_name_and_number_are_taken_and_passed_on(house: House, told: list[Event]) -> None:
    house.sql("UPDATE accounts SET country = 'DE', revision = revision + 1")
    visitor = house.visitor()
    replies = talk(visitor, "Hello?", "My bike has a flat tyre.", "I'm Ada Lovelace", "0170 1234567")
    assert replies == [f"{SORRY}\n{NEED}", f"Thank you. {NAME}", f"Thank you. {CONTACT}", PASSED_ON]
    message = "My bike has a flat tyre.\nName: Ada Lovelace\nTo be reached: +491701234567"
    assert tasks(house) == [("message", message)]
    assert house.sql("SELECT name, phone, email FROM leads") == [("Ada Lovelace", "+491701234567", None)]
    assert states(house) == ["failed", "answered", "answered", "answered"]
    turns = house.sql("SELECT state, error FROM turns ORDER BY id")
    assert [tuple(row) for row in turns] == [("failed", "the model is gone")] + [("done", "the model is gone")] * 3
    [goal] = goals(house)
    assert (goal["kind"], goal["state"], goal["outcome"]) == ("request", "done", "it was passed on")
    begun, asked = [event for event in told if isinstance(event, PersonRequested)]
    assert begun.reason == "a message is being taken while no model can answer: My bike has a flat tyre."
    assert (asked.reason, asked.summary) == ("a message was taken while no model could answer", message)
    assert [event.fields for event in told if isinstance(event, LeadChanged)] == [("name",), ("phone",)]
    assert [event.outcome for event in told if isinstance(event, TurnRecorded)] == ["failed", "done", "done", "done"]
    assert len([event for event in told if isinstance(event, MessageFailed)]) == 1
    [row] = house.sql("SELECT person_reason, person_due_at FROM conversations")
    assert row.person_reason.endswith("My bike has a flat tyre.; Name: Ada Lovelace; To be reached: +491701234567")
    assert row.person_due_at is None, "else the customer would be told that nobody came, and be asked once more"


def test_what_is_known_already_is_not_asked(house: House) -> None:
    visitor = house.visitor()
    assert visitor.say("My name is Ada, my bike has a flat tyre: ada@example.org") == f"{SORRY}\n{PASSED_ON}"
    assert house.sql("SELECT name, email FROM leads") == [("Ada", "ada@example.org")]
    assert states(house) == ["failed"], "it can be replayed"
    assert len(tasks(house)) == 1
    house.publish(apology_text="Sorry!")
    other = house.visitor()
    assert other.say("Do you repair old bikes?") == f"Sorry!\n{NAME}"
    assert other.say("Thanks, Grace") == f"Thank you. {CONTACT}"


def test_all_at_once_in_ones_own_words(house: House) -> None:
    house.sql("UPDATE accounts SET country = 'DE', revision = revision + 1")
    visitor = house.visitor()
    said = "Hi, I'm Ada King, my number is 0170 1234567, I need my bike fixed"
    assert visitor.say(said) == f"{SORRY}\n{PASSED_ON}"
    assert tasks(house) == [("message", f"{said}\nName: Ada King\nTo be reached: +491701234567")]
    assert house.sql("SELECT name, phone FROM leads") == [("Ada King", "+491701234567")]


def test_a_number_alone_is_no_need_and_a_late_answer_is_not_lost(house: House) -> None:
    house.sql("UPDATE accounts SET country = 'DE', revision = revision + 1")
    assert talk(house.visitor(), "0170 1234567", "My bike is broken") == [f"{SORRY}\n{NEED}", f"Thank you. {NAME}"]
    visitor = house.visitor()
    assert talk(visitor, "Do you repair old bikes?", "Why?", "Ada")[1:] == [f"Thank you. {CONTACT}", PASSED_ON]
    assert tasks(house)[-1][1].startswith("Do you repair old bikes?\nWhy?\nAda\nName: not said")
    visitor.say("0170 7654321")
    assert [row.phone for row in house.sql("SELECT phone FROM leads ORDER BY id")] == ["+491701234567", "+491707654321"]


def test_each_question_is_asked_once(house: House) -> None:
    visitor = house.visitor()
    replies = talk(visitor, "Do you repair old bikes?", "Are you open tomorrow morning?", "No")
    assert replies == [f"{SORRY}\n{NAME}", f"{SORRY}\n{CONTACT}", PASSED_ON]
    assert states(house) == ["failed", "failed", "answered"], "a question nobody answered is not called answered"
    [(_, message)] = tasks(house)
    assert message.startswith("Do you repair old bikes?\nAre you open tomorrow morning?\nName: not said\n")
    assert house.sql("SELECT name, phone, email FROM leads") == [(None, None, None)]


def test_a_number_that_cannot_be_read_is_kept_for_the_person(house: House) -> None:
    visitor = house.visitor()
    replies = talk(visitor, "Do you repair old bikes?", "Ada", "01 70 12 34 x5, after six")
    assert replies[-1] == PASSED_ON
    assert "To be reached: 01 70 12 34 x5, after six" in tasks(house)[0][1]
    assert house.sql("SELECT phone FROM leads") == [(None,)]


def test_more_after_it_was_passed_on(house: House) -> None:
    visitor = house.visitor()
    talk(visitor, "Do you repair old bikes?", "Ada", "ada@example.org")
    assert visitor.say("Thanks, bye!") == SORRY
    assert visitor.say("And do you sell locks, too?") == f"{SORRY}\n{PASSED_ON}"
    assert [text.split("\n")[0] for _, text in tasks(house)] == [
        "Do you repair old bikes?",
        "And do you sell locks, too?",
    ]
    assert "Name: Ada\nTo be reached: ada@example.org" in tasks(house)[1][1]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
def test_the_model_that_is_back_takes_over(house: House, brain: Brain) -> None:
    visitor = house.visitor()
    visitor.say("Do you repair old bikes?")
    brain.forget()
    assert visitor.say("Ada") == "Echo: Ada"
    assert any("Do you repair old bikes?" in note for note in brain.questions[-1].notes), "it sees the open goal"
    visitor.say("And now?")
    assert brain.questions[-1].notes == [], "it was told once, and has no tool to close a goal"
    brain.reply = lambda question: [Fails("gone again")]
    assert visitor.say("What does a new tyre cost?") == f"{SORRY}\n{NAME}"
    assert tasks(house) == []


def test_a_model_that_may_close_goals_does_so_itself(open_house: Callable[..., House], brain: Brain) -> None:
    house = open_house(DISABLED_PLUGINS=",".join(name for name in left_out().split(",") if name != "goals"))
    house.publish(tools=["set_goal", "close_goal"])
    visitor = house.visitor()
    visitor.say("Do you repair old bikes?")
    brain.forget()
    visitor.say("Ada")
    assert [goal["state"] for goal in goals(house)] == ["open"]
    brain.reply = lambda question: [Fails("gone again")]
    assert visitor.say("What does a new tyre cost?") == f"{SORRY}\n{NAME}", "the old message is not passed on now"
    assert [(goal["state"], goal["slots"]["need"]) for goal in goals(house)] == [
        ("dropped", "Do you repair old bikes?"),
        ("open", "What does a new tyre cost?"),
    ]


def test_a_replayed_message_is_no_answer(house: House, brain: Brain) -> None:
    visitor = house.visitor()
    visitor.say("Do you repair old bikes?")
    replay(house)
    assert visitor.replies() == [f"{SORRY}\n{NAME}", SORRY]
    assert visitor.say("Ada") == f"Thank you. {CONTACT}", "the question still stands"
    brain.forget()
    replay(house)
    assert visitor.replies()[-1].startswith("Echo:")
    assert states(house)[0] == "answered"


def test_what_was_said_reaches_a_person_though_the_customer_leaves(house: House) -> None:
    """It is called answered, so that the failed list does not have it."""
    talk(house.visitor(), "Hello?", f"My bike has a flat tyre.{' It is blue.' * 40}")
    assert states(house) == ["failed", "answered"]
    [row] = house.sql("SELECT person_reason, person_due_at FROM conversations WHERE person_requested_at IS NOT NULL")
    assert row.person_reason.startswith("a message is being taken while no model can answer: My bike has a flat tyre.")
    assert len(row.person_reason) < 400
    assert row.person_due_at is None, "nobody was promised to come"
    assert tasks(house) == []


def test_who_wants_to_leave_none_is_left_alone(house: House) -> None:
    assert talk(house.visitor(), "Hello", "No, thanks") == [f"{SORRY}\n{NEED}", SORRY]
    assert tasks(house) == []
    assert [goal["state"] for goal in goals(house)] == ["dropped"]


@pytest.mark.parametrize(
    ("language", "spoken", "text", "question"),
    [
        ("de-AT", ["English"], "Reparieren Sie alte Räder?", "Wie ist Ihr Name"),
        (None, ["English", "Español"], "¿Cuánto cuesta un cambio de rueda?", "¿Me dice su nombre"),
        (None, ["French"], "Vélo cassé, réparation ?", "Quel est votre nom"),
        (None, ["Klingon", "German"], "nuqneH, bIQ Hutlh!", "Wie ist Ihr Name"),
        (None, ["Klingon"], "nuqneH, bIQ Hutlh!", "May I have your name"),
        ("nl", ["English"], "Repareert u oude fietsen?", "May I have your name"),
    ],
)
def test_it_asks_in_the_customers_language(
    language: str | None, spoken: list[str], text: str, question: str, house: House
) -> None:
    visitor = house.visitor()
    visitor.send(text)
    house.sql("UPDATE leads SET language = :language, version = version + 1", language=language)
    house.publish(languages=spoken)
    house.drain()
    assert visitor.replies()[-1].startswith(f"{SORRY}\n{question}")


def test_it_can_be_switched_off(house: House) -> None:
    house.publish(take_messages=False)
    assert talk(house.visitor(), "Do you repair old bikes?", "Hello?") == [SORRY, SORRY]
    assert house.sql("SELECT id FROM sessions") == []


def test_without_any_model(open_house: Callable[..., House]) -> None:
    house = open_house(REMOTE_BRAIN="")
    assert talk(house.visitor(), "Do you repair old bikes?", "Ada") == [f"{SORRY}\n{NAME}", f"Thank you. {CONTACT}"]


def test_poison_and_limits_ask_nothing(house: House) -> None:
    visitor = house.visitor()
    visitor.send("Is this the poison?")
    house.sql("UPDATE conversations SET attempts = 3")
    house.drain()
    assert visitor.replies() == [SORRY]
    house.sql("UPDATE accounts SET credits = 0, revision = revision + 1")
    assert NAME not in visitor.say("Do you repair old bikes?")
    assert house.sql("SELECT id FROM sessions") == []


@pytest.mark.parametrize("kind", ["idempotent", "blind"])
def test_over_a_channel_that_sends(kind: str, house: House) -> None:
    customer = house.texter(kind)
    for text in ("Do you repair old bikes?", "Ada", "ada@example.org"):
        customer.send(text)
        house.drain()
    said = customer.replies()
    assert said[0].startswith(SORRY)
    assert said[-1] == PASSED_ON
    assert len(said) == len(set(said))
    assert len(tasks(house)) == 1


def test_what_a_person_filled_in_meanwhile_stays(house: House, brain: Brain) -> None:
    visitor = house.visitor()
    visitor.say("Do you repair old bikes?")

    def fill_in(question: Question) -> list[Fails]:
        house.sql("UPDATE leads SET name = 'Ada, Countess of Lovelace', version = version + 1")
        return [Fails("gone")]

    brain.reply = fill_in
    visitor.say("Ada")
    assert house.sql("SELECT name FROM leads") == [("Ada, Countess of Lovelace",)]


def test_eight_open_goals_leave_the_apology_working(house: House) -> None:
    visitor = house.visitor()
    visitor.say("Hello?")
    full = [{**goals(house)[0], "id": f"g{number}", "slots": {}} for number in range(1, 9)]
    house.sql("UPDATE sessions SET goals = :goals, version = version + 1", goals=json.dumps(full))
    assert visitor.say("Do you repair old bikes?") == SORRY
    assert len(goals(house)) == 8
