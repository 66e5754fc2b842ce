"""What is published in one process acts on the very next turn of another, which asks nothing while nothing changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from receptionist.db import Scope
from receptionist.services.strategies import strategies, strategy_drafts
from tests.harness.house import House, Visitor
from tests.servers.brain import Brain
from tests.servers.vendor_server import VendorServer

TEMPLATE = "This is version {{ strategy.formality }}."


@pytest.fixture
def other(house: House, vendor: VendorServer) -> Iterator[House]:
    """Another process on the database of `house`, as far as a test can have one: it shares nothing else."""
    made = House(house.path, vendor)
    yield made
    made.close()


@contextmanager
def counted(house: House) -> Iterator[list[str]]:
    """The statements that run within the block."""
    ran: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        ran.append(statement)

    sa.event.listen(house.parts.database.engine, "before_cursor_execute", note)
    try:
        yield ran
    finally:
        sa.event.remove(house.parts.database.engine, "before_cursor_execute", note)


def publish(house: House, formality: int) -> None:
    with house.parts.database.begin() as connection:
        scope = Scope(connection, 1)
        strategy_id = strategies.find(scope, "House").id
        changes = {"system_prompt_template": TEMPLATE, "formality": formality}
        strategy_drafts.change(scope, strategy_id, changes, house.factory.check, "Ann")
        strategy_drafts.publish(scope, strategy_id, house.factory.check, "Ann")


def test_the_next_turn_of_another_process_uses_it(house: House, other: House, brain: Brain) -> None:
    publish(house, 1)
    here, there = house.visitor(), Visitor(other, other.visitor().sender)
    told = []
    for number in range(2, 5):
        there.say("Hello")
        here.say("Hello")
        publish(other if number % 2 else house, number)
        there.say("Hello?")
        here.say("Hello?")
        told += [question.instructions for question in brain.questions[-4:]]
    assert told == [
        *(["This is version 1."] * 2 + ["This is version 2."] * 2),
        *(["This is version 2."] * 2 + ["This is version 3."] * 2),
        *(["This is version 3."] * 2 + ["This is version 4."] * 2),
    ]
    used = house.sql(
        "SELECT v.number FROM turns t JOIN strategy_versions v ON v.id = t.strategy_version_id ORDER BY t.id"
    )
    assert [row.number - 1 for row in used] == [int(text[-2]) for text in told]


def test_nothing_is_asked_of_strategies_while_nothing_changed(house: House, other: House) -> None:
    publish(house, 1)
    visitor = other.visitor()
    visitor.say("The first one loads it")
    with counted(other) as before:
        visitor.say("Nothing changed")
    publish(house, 2)
    with counted(other) as then:
        visitor.say("Changed")
    visitor.line = other.parts.host.line("webchat", visitor.line.key)  # as the next request looks it up
    with counted(other) as after:
        visitor.say("Nothing changed again")
    assert not [statement for statement in (*before, *after) if "strategy_versions" in statement.partition("FROM")[2]]
    assert len([statement for statement in then if "strategy_versions" in statement.partition("FROM")[2]]) == 1
    assert len(before) == len(after) < len(then)


def test_saving_a_draft_costs_turns_nothing(house: House, other: House) -> None:
    visitor = other.visitor()
    visitor.say("one")
    with counted(other) as before:
        visitor.say("two")
    with house.parts.database.begin() as connection:
        scope = Scope(connection, 1)
        strategy_id = strategies.find(scope, "House").id
        strategy_drafts.change(scope, strategy_id, {"role": "porter"}, house.factory.check, "Ann")
    with counted(other) as after:
        visitor.say("three")
    assert len(before) == len(after)
