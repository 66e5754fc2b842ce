"""A customer who was promised a person and sees nobody is told so, and leaves a message."""

from __future__ import annotations

import pytest

from receptionist.pipeline.sweeper import Sweeper
from tests.harness.house import House
from tests.people.conftest import Command
from tests.people.test_stepping_in import somebody
from tests.servers.brain import Brain

NOBODY = "Nobody is free just now."


def ask_for_person(house: House) -> None:
    """As the tool `hand_over` does, so many minutes ago that a person is late."""
    house.sql(
        "UPDATE conversations SET person_requested_at = created_at, person_reason = 'wants one', "
        "person_due_at = created_at"
    )


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
    assert begins == "A person of the business took over here and wrote what follows."
    assert ends == "The person gave the conversation back here; you answer again."
    assert question.past[-2:] == [("system", begins), ("assistant", "Ann here.")]
    assert question.asked == ["Thank you, Ann.", "What do you cost?"]
