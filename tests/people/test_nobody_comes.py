"""A customer who was promised a person and sees nobody is told so, and leaves a message."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from receptionist.db import Scope
from receptionist.pipeline.sweeper import Sweeper
from receptionist.services.conversations import conversations, handover, sessions
from receptionist.services.strategies import assignment, strategies
from tests.harness.house import House
from tests.people.conftest import Command
from tests.people.test_stepping_in import somebody
from tests.servers.brain import Brain

NOBODY = "Nobody is free just now."
BEGINS = "A person of the business took over here."
ENDS = "The person gave the conversation back here; you answer again."


def ask_for_person(house: House) -> None:
    """As the tool `hand_over` does, so many minutes ago that a person is late."""
    house.sql(
        "UPDATE conversations SET person_requested_at = created_at, person_reason = 'wants one', "
        "person_due_at = created_at"
    )


def time_runs_out(house: House) -> None:
    """Nobody has the conversation any more, from now on."""
    now = datetime.now(UTC).isoformat()
    with house.parts.database.begin() as connection:
        ends = lambda state: replace(state, persons=({**state.persons[-1], "until": now},))  # noqa: E731
        sessions.change(Scope(connection, 1), 1, ends)
    house.sql("UPDATE conversations SET person_until = created_at")


def sweep(house: House) -> None:
    """One look of the sweeper."""
    Sweeper(house.parts.database, house.rung.append, 10.0, lambda: False)._sweep()
    house.drain()


@pytest.mark.parametrize("kind", ["webchat", "idempotent", "blind"])
def test_the_agent_says_once_that_nobody_is_free(kind: str, house: House, brain: Brain) -> None:
    customer = somebody(house, kind)
    sweep(house)
    assert len(customer.replies()) == 1
    ask_for_person(house)
    sweep(house)
    assert customer.replies()[1].startswith(NOBODY)
    sweep(house)
    assert len(customer.replies()) == 2
    [row] = house.sql("SELECT person_due_at, person_requested_at IS NOT NULL AS asked, due_at FROM conversations")
    assert (row.person_due_at, bool(row.asked), row.due_at) == (None, True, None)
    customer.send("It is about my bike.")
    house.drain()
    assert customer.replies()[2] == "Echo: It is about my bike."
    role, text = brain.about("It is about my bike.")[-1].past[-1]
    assert role == "assistant" and text.startswith(NOBODY)


def test_a_person_who_comes_in_time_is_not_excused(house: House, command: Command) -> None:
    customer = somebody(house, "webchat")
    ask_for_person(house)
    command("conversation", "reply", "1", "Ann here.", "--as", "Ann")
    sweep(house)
    assert customer.replies() == ["Echo: Hello?", "Ann here."]
    assert house.sql("SELECT person_due_at FROM conversations") == [(None,)]


def test_who_is_promised_a_person_again_and_again_waits_no_longer(house: House) -> None:
    customer = somebody(house, "webchat")
    ask_for_person(house)
    with house.parts.database.begin() as connection:
        handover.ask_for_person(Scope(connection, 1), 1, "wants one once more", 15)
    sweep(house)
    assert customer.replies()[1].startswith(NOBODY)


def test_who_opted_out_is_not_told(house: House) -> None:
    customer = somebody(house, "blind")
    ask_for_person(house)
    house.sql("UPDATE conversations SET opted_out_at = created_at")
    sweep(house)
    assert customer.replies() == ["Echo: Hello?"]
    assert house.sql("SELECT person_due_at, due_at FROM conversations") == [(None, None)]


def test_the_model_sees_where_a_person_spoke(house: House, brain: Brain, command: Command) -> None:
    customer = somebody(house, "webchat")
    command("conversation", "reply", "1", "Ann here.", "--as", "Ann")
    customer.send("Thank you, Ann.")
    house.drain()
    command("conversation", "hand-back", "1")
    customer.send("What do you cost?")
    house.drain()
    question = brain.about("What do you cost?")[-1]
    begins, ends = question.notes
    assert begins == "A person of the business took over here."
    assert ends == "The person gave the conversation back here; you answer again."
    assert question.past[-2:] == [("system", begins), ("assistant", "Ann here.")]
    assert question.asked == ["Thank you, Ann.", "What do you cost?"]


def test_nobody_is_told_in_a_conversation_that_is_over(house: House) -> None:
    customers = [somebody(house, "webchat") for _ in range(2)]
    ask_for_person(house)
    with house.parts.database.begin() as connection:
        scope = Scope(connection, 1)
        strategies.publish(scope, "Own", strategies.parse({}), house.factory.check)
        assignment.give_lead(scope, 1, strategies.find(scope, "Own").id, "Ann")
        conversations.end(scope, 2, "all is said")
    sweep(house)
    assert [len(customer.replies()) for customer in customers] == [1, 1]
    assert house.sql("SELECT count(*) FROM conversations WHERE person_due_at IS NOT NULL OR due_at IS NOT NULL") == [
        (0,)
    ]


def test_the_model_sees_that_a_person_had_it_and_wrote_nothing(house: House, brain: Brain, command: Command) -> None:
    customer = somebody(house, "webchat")
    command("conversation", "take", "1", "--as", "Ann")
    command("conversation", "hand-back", "1")
    customer.send("What do you cost?")
    house.drain()
    question = brain.about("What do you cost?")[-1]
    assert question.notes == [BEGINS, ENDS]
    command("conversation", "take", "1", "--as", "Ann")
    customer.send("Hello Ann.")
    house.drain()
    command("conversation", "hand-back", "1")
    customer.send("And tomorrow?")
    house.drain()
    question = brain.about("And tomorrow?")[-1]
    assert question.notes == [BEGINS, ENDS] * 2
    assert question.past[-4:-2] == [("system", BEGINS), ("system", ENDS)]
    assert question.asked == ["Hello Ann.", "And tomorrow?"]
    assert len(customer.replies()) == 3


def test_the_model_sees_it_in_the_conversation_that_follows(house: House, brain: Brain, command: Command) -> None:
    """Ann has the new one, too, and writes nothing."""
    customer = somebody(house, "webchat")
    with house.parts.database.begin() as connection:
        conversations.end(Scope(connection, 1), 1, "all is said")
    customer.send("Bye!")
    house.drain()
    command("conversation", "take", "1", "--as", "Ann")
    customer.send("One more thing, Ann.")
    house.drain()
    command("conversation", "hand-back", "2")
    customer.send("Anybody?")
    house.drain()
    question = brain.about("Anybody?")[-1]
    assert question.notes == [BEGINS, ENDS]
    assert question.asked == ["One more thing, Ann.", "Anybody?"]


def test_the_model_sees_that_a_persons_time_ran_out(house: House, brain: Brain, command: Command) -> None:
    customer = somebody(house, "webchat")
    command("conversation", "take", "1", "--as", "Ann", "--minutes", "1")
    customer.send("Hello Ann.")
    house.drain()
    time_runs_out(house)
    customer.send("Anybody?")
    house.drain()
    customer.send("Anybody else?")
    house.drain()
    assert brain.about("Anybody?")[-1].notes == [BEGINS, ENDS]
    assert [text for role, text in brain.about("Anybody else?")[-1].past if role == "system"] == [BEGINS, ENDS]


def test_a_hand_back_later_does_not_make_that_time_longer(house: House, brain: Brain, command: Command) -> None:
    """A person was asked for once more, and somebody says that nobody is needed."""
    customer = somebody(house, "webchat")
    command("conversation", "reply", "1", "Ann here.", "--as", "Ann")
    time_runs_out(house)
    customer.send("What do you cost?")
    house.drain()
    ask_for_person(house)
    command("conversation", "hand-back", "1")
    customer.send("And tomorrow?")
    house.drain()
    told = [text for _, text in brain.about("And tomorrow?")[-1].past]
    assert told[-5:] == [BEGINS, "Ann here.", ENDS, "What do you cost?", "Echo: What do you cost?"]
