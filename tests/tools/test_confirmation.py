"""A tool that asks first acts only after the customer agreed to exactly that, whatever the model does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from receptionist import Inbound, Sender
from receptionist.agents.assent import is_assent
from receptionist.agents.refusal import is_refusal
from receptionist.services.conversations.confirmations import MAX_PENDING, Awaited, waiting
from receptionist.services.conversations.sessions import SessionState
from tests.harness.house import House
from tests.servers.brain import Brain, Calls, Piece, Question

SHOP = """
from receptionist import ToolError, hookimpl, tool

made = []


@tool(effect="writes", confirm="Order {dish} for {day}")
def order(dish: str, day: str = "today") -> str:
    "Order a dish."
    if dish == "Nothing":
        raise ToolError("There is no such dish.")
    if dish == "Bomb":
        raise RuntimeError("it broke")
    made.append((dish, day))
    return f"ordered {dish}"


@hookimpl
def register_tools(host):
    return [order]
"""
SOUP = {"dish": "Soup", "day": "Friday"}


@pytest.fixture
def shop(open_house: Callable[..., House]) -> House:
    """A house whose tool asks first."""
    house = open_house({"shop": SHOP})
    house.publish(tools=["order"], burst_seconds=0)
    return house


def made(house: House) -> list[tuple[str, str]]:
    """What was really ordered."""
    return list(house.plugin("shop").made)


def order(dish: str = "Soup", day: str = "Friday") -> str:
    """A message upon which the echoing model orders."""
    return f"call order {json.dumps({'dish': dish, 'day': day})}."


def obeys(brain: Brain, **arguments: str) -> None:
    """From now on the model orders, twice a turn, whatever the customer says."""

    def reply(question: Question) -> Iterator[Piece]:
        if question.outputs:
            yield "Well: " + " / ".join(question.outputs)
        else:
            yield Calls("order", json.dumps(arguments))
            yield Calls("order", json.dumps(arguments))

    brain.reply = reply


def test_asked_agreed_done_and_no_more(shop: House, brain: Brain) -> None:
    visitor = shop.visitor()
    reply = visitor.say(order())
    assert "Not done yet: ask the customer to confirm: Order Soup for Friday." in reply
    assert made(shop) == []
    obeys(brain, **SOUP)
    assert "ordered Soup" in visitor.say("Yes, please")
    assert made(shop) == [("Soup", "Friday")]
    assert "Not done yet" in visitor.say("Thank you")
    assert made(shop) == [("Soup", "Friday")]


def test_the_model_is_reminded_of_what_waits(shop: House, brain: Brain) -> None:
    visitor = shop.visitor()
    visitor.say(order())
    visitor.say("What would that cost?")
    [note] = [note for note in brain.about("What would that cost?")[-1].notes if note.startswith("Calls that are not")]
    assert '"Soup' in note.replace("\\", "")


def test_a_hostile_model_gets_nothing_done(shop: House, brain: Brain) -> None:
    obeys(brain, **SOUP)
    visitor = shop.visitor()
    assert visitor.say("Hello").count("Not done yet") == 2
    assert visitor.say("No, thanks!").count("Not done yet") == 2
    assert visitor.say("nein").count("Not done yet") == 2
    assert made(shop) == []
    assert {row.state for row in shop.sql("SELECT state FROM tool_calls")} == {"failed"}


def test_a_refusal_is_not_forgotten_by_chatting_on(shop: House, brain: Brain) -> None:
    visitor = shop.visitor()
    visitor.say(order())
    visitor.say("No.")
    visitor.say("What are your hours?")
    obeys(brain, **SOUP)
    assert "ordered" not in visitor.say("Do you have parking?")
    assert made(shop) == []


def test_other_arguments_are_asked_about_anew(shop: House, brain: Brain) -> None:
    visitor = shop.visitor()
    visitor.say(order())
    obeys(brain, dish="Soup", day="Saturday")
    assert "Order Soup for Saturday" in visitor.say("Yes")
    assert made(shop) == []
    obeys(brain, day="Friday", dish="Soup")
    assert "ordered" in visitor.say("Friday it is")
    assert made(shop) == [("Soup", "Friday")]


def test_what_was_written_before_the_question_agrees_to_nothing(shop: House, brain: Brain) -> None:
    visitor = shop.visitor()

    def reply(question: Question) -> Iterator[Piece]:
        if question.outputs:
            visitor.send("Yes yes, hurry")  # while the question is being written
            brain.reply = again
            yield "Shall I?"
        else:
            yield Calls("order", json.dumps(SOUP))

    def again(question: Question) -> Iterator[Piece]:
        yield "Well." if question.outputs else Calls("order", json.dumps(SOUP))

    brain.reply = reply
    visitor.send("Soup on Friday")
    shop.drain()
    assert visitor.replies()[-1] == "Well."
    assert made(shop) == []
    visitor.say("Yes")
    assert made(shop) == [("Soup", "Friday")]


@pytest.mark.parametrize("pulled", [True, False])
def test_a_yes_that_was_sent_before_the_question_but_came_after_it_agrees_to_nothing(
    pulled: bool, shop: House, brain: Brain
) -> None:
    customer = shop.texter("askable")
    customer.send(order())
    shop.drain()
    obeys(brain, **SOUP)
    asked = shop.sql("SELECT sent_at FROM messages WHERE direction = 'out'")[0].sent_at
    asked = datetime.fromisoformat(asked).replace(tzinfo=UTC)
    for seconds, orders in ((-5, []), (5, [("Soup", "Friday")])):
        at = asked.replace(microsecond=0) + timedelta(seconds=seconds)
        message = Inbound(f"{customer.address} {seconds}", Sender(customer.address), "Yes", sent_at=at)
        shop.parts.host.take_in(customer.line, [message], pulled=pulled)
        shop.drain()
        assert made(shop) == orders


def test_what_failed_may_be_tried_again_what_broke_may_not(shop: House, brain: Brain) -> None:
    visitor = shop.visitor()
    obeys(brain, dish="Nothing")
    visitor.say("Nothing, please")
    assert "no such dish" in visitor.say("Yes")
    assert "no such dish" in visitor.say("Yes, try again")
    obeys(brain, dish="Bomb")
    visitor.say("A bomb")
    assert "it is not known whether it was done" in visitor.say("Yes")
    assert visitor.say("Yes!").count("Not done yet") == 2


def test_a_process_that_dies_while_asking_asks_again(shop: House, brain: Brain) -> None:
    visitor = shop.visitor()
    visitor.send(order())
    finish = shop.parts.database.begin

    def die(self: object, call: object, state: str, *rest: object) -> None:
        raise SystemError("the process died")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("receptionist.pipeline.ledger.Ledger.finish", die)
        shop.drain()
    assert shop.parts.database.begin == finish
    assert [row.state for row in shop.sql("SELECT state FROM tool_calls")] == ["started"]
    shop.make_due()
    shop.drain()
    assert "Not done yet" in visitor.replies()[-1]
    assert made(shop) == []
    obeys(brain, **SOUP)
    visitor.say("Yes")
    assert made(shop) == [("Soup", "Friday")]


def test_a_process_that_dies_while_acting_does_not_act_again(shop: House, brain: Brain) -> None:
    visitor = shop.visitor()
    visitor.say(order())

    def once(question: Question) -> Iterator[Piece]:
        yield "Well." if question.outputs or question.resumed else Calls("order", json.dumps(SOUP))

    brain.reply = once
    visitor.send("Yes")

    def die(self: object, call: object, state: str, *rest: object) -> None:
        raise SystemError("the process died")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("receptionist.pipeline.ledger.Ledger.finish", die)
        shop.drain()
    visitor.send("No")  # too late: nobody may say now that it was not done
    shop.make_due()
    shop.drain()
    assert made(shop) == [("Soup", "Friday")]
    assert "It is not known whether this was done" in brain.questions[-1].resumed[0]


def test_what_was_agreed_to_is_asked_anew_after_workers_died_over_it(shop: House, brain: Brain) -> None:
    """It may have been done; the customer's yes of that time is not good for a second one."""
    visitor = shop.visitor()
    visitor.say(order())
    obeys(brain, **SOUP)
    visitor.send("Yes")

    def die(self: object, call: object, state: str, *rest: object) -> None:
        raise SystemError("the process died")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("receptionist.pipeline.ledger.Ledger.finish", die)
        shop.drain()
    shop.sql("UPDATE conversations SET attempts = 3")
    shop.make_due()
    shop.drain()
    assert visitor.replies()[-1].startswith("Sorry")
    assert visitor.say("Did it work?").count("Not done yet") == 2
    assert made(shop) == [("Soup", "Friday")]


def test_what_waits_is_bounded_and_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    state = SessionState()
    for number in range(MAX_PENDING + 2):
        state = Awaited("order", str(number), 1).apply(state)
    assert [each["arguments"] for each in state.pending] == ["2", "3", "4", "5", "6"]
    old = {**state.pending[0], "at": "2020-01-01T00:00:00+00:00"}
    assert waiting(SessionState(pending=(old, state.pending[1]))) == (state.pending[1],)


def test_giant_arguments_are_not_asked_about(shop: House) -> None:
    assert "keep the arguments below 2000" in shop.visitor().say(order("x" * 3000))
    assert shop.sql("SELECT id FROM tool_calls") == []


@pytest.mark.parametrize(
    "text",
    [
        "No",
        "no!",
        "NO, THANKS 🙅",
        "Nope.",
        "No gracias",
        "todavía no",
        "Nein, danke",
        "bitte nicht",
        "Non merci",
        "arrêtez",
        "No, make it Friday instead",
        "Wait, what does it cost?",
    ],
)
def test_plain_refusals(text: str) -> None:
    assert is_refusal(text)


@pytest.mark.parametrize("text", ["Yes", "no problem", "No doubt about it", "Sí", "Ja", "nothing", "Oui", "", "1" * 90])
def test_no_refusals(text: str) -> None:
    assert not is_refusal(text)


ABOUT = json.dumps({"day": "2026-11-20", "dish": "Soup", "hour": "15:05"})


@pytest.mark.parametrize(
    "text",
    [
        *("Yes", "yes!!", "Yes, please. Thank you so much", "OK, do it", "That's right", "No problem", "👍", "👍🏽 ok"),
        *("Yes, the soup", "Yes, 15:05", "Ja, bitte", "ja gern, vielen Dank!", "Natürlich", "Sí", "¡Claro que sí!"),
        *("Sí, por favor", "Oui", "D'accord", "Oui, s'il vous plaît, merci"),
        *("Yes, that's fine", "yes pls", "Yes, that works for me", "Looks good to me", "Super, danke", "ja, stimmt so"),
        *("sí, me viene bien", "dale", "Tout à fait", "Oui, ça me convient"),
    ],
)
def test_a_yes(text: str) -> None:
    assert is_assent(text, ABOUT)


@pytest.mark.parametrize(
    "text",
    [
        *("", "?", "No", "Yes?", "Yes, but on Friday", "Yes, at 4", "Yes, the salad", "OK, let me think about it"),
        *("Good question", "Right now I can't", "wie teuer ist das?", "Ja, aber lieber morgen", "Oui, mais demain"),
        *("Sí, pero el viernes", "Please tell me more", "Thanks", "hello", "yes " * 90, "1", "❤️"),
        *("Yes, looks expensive", "Super teuer", "sí, pero va mal", "Oui, c'est trop"),
    ],
)
def test_no_yes(text: str) -> None:
    assert not is_assent(text, ABOUT)


@pytest.mark.parametrize(
    "text",
    ["No, make it Saturday instead", "What does it cost", "wie teuer ist das?", "Yes, but on Saturday", "Hello again"],
)
def test_what_is_no_yes_is_asked_about_again(text: str, shop: House, brain: Brain) -> None:
    visitor = shop.visitor()
    visitor.say(order())
    obeys(brain, **SOUP)
    assert "Order Soup for Friday" in visitor.say(text)
    assert made(shop) == []
    assert "ordered Soup" in visitor.say("Yes, please.")
    assert made(shop) == [("Soup", "Friday")]


def test_a_choice_that_says_yes_agrees(shop: House, brain: Brain) -> None:
    customer = shop.texter()
    customer.send(order())
    shop.drain()
    choices = json.dumps(["No, thanks", "Yes, order it"])
    shop.sql("UPDATE messages SET choices = :choices WHERE direction = 'out'", choices=choices)
    obeys(brain, **SOUP)
    customer.send("2")
    shop.drain()
    assert made(shop) == [("Soup", "Friday")]
