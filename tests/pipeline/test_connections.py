"""A thread holds one connection at a time: who looks an account up does so before its transaction begins."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.harness.house import House
from tests.harness.instance import left_out
from tests.servers.brain import Brain
from tests.sessions.test_memory import summarise_as, talk


@pytest.fixture
def house(open_house: Callable[..., House]) -> House:
    """A house whose agent can hand over to a person."""
    house = open_house(DISABLED_PLUGINS=",".join(name for name in left_out().split(",") if name != "lead_tools"))
    house.publish(tools=["hand_over"])
    return house


def test_offices_are_looked_up_outside_of_transactions(
    house: House, brain: Brain, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool: Any = house.parts.database.engine.pool
    office, held = house.parts.directory.office, []

    def noted(*arguments: Any) -> Any:
        held.append(pool.checkedout())
        return office(*arguments)

    monkeypatch.setattr(house.parts.directory, "office", noted)
    summarise_as(brain, "Short.")
    visitor = house.visitor()
    talk(house, visitor, 60)
    visitor.say(f"call hand_over {json.dumps({'reason': 'asked', 'summary': 'wants Ann'})}.")
    assert house.sql("SELECT person_due_at IS NOT NULL FROM conversations") == [(1,)]
    assert house.runner.summariser.summarise(1, 1)
    house.publish(outside_hours="text", exceptions=[{"date": "2000-01-01", "hours": ["09:00-17:00"]}])
    visitor.say("Are you there?")
    assert len(held) > 5 and set(held) == {0}


def test_a_refusal_promises_nobody_and_takes_no_promise_back(house: House) -> None:
    one, other = house.visitor(), house.visitor()
    one.say(f"call hand_over {json.dumps({'reason': 'asked', 'summary': 'wants Ann'})}.")
    [promised] = house.sql("SELECT person_due_at FROM conversations")
    house.publish(outside_hours="text", exceptions=[{"date": "2000-01-01", "hours": ["09:00-17:00"]}])
    assert one.say("Hello?") == other.say("Hello?") != ""
    rows = house.sql("SELECT person_due_at, person_reason FROM conversations ORDER BY id")
    assert [row.person_due_at for row in rows] == [promised.person_due_at, None]
    assert promised.person_due_at and {row.person_reason for row in rows} == {"outside opening hours"}
