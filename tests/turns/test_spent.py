"""What models used is counted, whatever became of the answer: failed turns, fallbacks, answers begun anew."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from receptionist.db import Scope
from receptionist.services import prices
from receptionist.services.conversations import handover, turns
from tests.harness.house import House
from tests.limits.conftest import COUNTED
from tests.sessions.test_memory import talk

DEAR = '''
"""A model that calls a tool, for 2000 tokens in and 300 out, and fails when it should answer; or it answers."""

from receptionist import Completed, Model, ModelError, TextDelta, ToolOutput, ToolRequest, Usage, hookimpl

fails, during = True, []


class Dear(Model):
    name, title, preference = "dear", "Dear", 3000

    def stream(self, request):
        for act in [during.pop() for _ in during]:
            act()
        if not fails:
            yield TextDelta("Well.")
            yield Completed("Well.", "dear-1", Usage(2000, 300))
        elif any(isinstance(item, ToolOutput) for item in request.items):
            raise ModelError("dear is broken")
        else:
            yield ToolRequest("1", "note", '{}')
            yield Completed("", "dear-1", Usage(2000, 300))


@hookimpl
def register_models(host):
    return [Dear(host)]
'''


@pytest.fixture
def dear(open_house: Callable[..., House]) -> House:
    """A house that answers with the dear model; `counted` is there to fall back to. Both have prices."""
    house = open_house({"dear": DEAR, "counted": COUNTED})
    with house.parts.database.begin() as connection:
        scope = Scope(connection, 1)
        prices.put(scope, "dear-1", input="10", cached=None, output="100")
        prices.put(scope, "counted-1", input="1", cached="0", output="4")
    return house


def spent(house: House) -> list[tuple[object, ...]]:
    """(state, model, tokens in, tokens out, cost) of all turns."""
    rows = house.sql("SELECT state, model, input_tokens, output_tokens, cost FROM turns ORDER BY id")
    return [tuple(row) for row in rows]


def used(house: House) -> tuple[object, ...]:
    """(turns, tokens, cost) of the account's day."""
    house.runner.usage.flush()
    [row] = house.sql("SELECT turns, tokens, cost FROM usage_days WHERE kind = 'account'")
    return tuple(row)


def test_a_failed_turn_counts_what_its_rounds_used(dear: House) -> None:
    dear.visitor().say("Hello")
    assert spent(dear) == [("failed", "dear-1", 2000, 300, 50_000)]
    assert used(dear) == (1, 2300, 50_000)


def test_after_a_fallback_each_model_has_its_price(dear: House) -> None:
    dear.publish(model="dear", fallback_model="counted")
    assert dear.visitor().say("Hello").startswith("About")
    assert spent(dear) == [("done", "counted-1", 3000, 400, 51_000)]
    assert used(dear) == (1, 3400, 51_000)


def test_an_answer_that_is_begun_anew_counts_twice(dear: House) -> None:
    dear.plugin("dear").fails = False
    visitor = dear.visitor()
    dear.plugin("dear").during.append(lambda: visitor.send("And tomorrow?"))
    assert visitor.say("Are you open?") == "Well."
    assert spent(dear) == [("done", "dear-1", 4000, 600, 100_000)]
    assert used(dear) == (1, 4600, 100_000)
    assert visitor.say("Thanks") == "Well."
    assert spent(dear)[1] == ("done", "dear-1", 2000, 300, 50_000)


def test_an_answer_that_a_person_stopped_counts_without_a_turn(dear: House) -> None:
    def take() -> None:
        with dear.parts.database.begin() as connection:
            handover.take(Scope(connection, 1), 1, "Ann", 60)

    dear.plugin("dear").fails = False
    dear.plugin("dear").during.append(take)
    visitor = dear.visitor()
    visitor.send("Are you open?")
    dear.drain()
    assert visitor.replies() == []
    assert spent(dear) == [("silent", "dear-1", 2000, 300, 50_000)]
    with dear.parts.database.read() as connection:
        [round_] = turns.find(Scope(connection, 1), 1).trace["rounds"]
    assert (round_["model"], round_["input"], round_["output"]) == ("dear", 2000, 300)
    assert used(dear) == (0, 2300, 50_000)


def test_a_summary_counts_without_being_a_turn(dear: House) -> None:
    dear.plugin("dear").fails = False
    talk(dear, dear.visitor(), 60)
    assert dear.runner.summariser.summarise(1, 1)
    assert used(dear) == (1, 4600, 100_000)
    days = dear.sql("SELECT kind, turns, tokens FROM usage_days ORDER BY kind")
    assert [tuple(row) for row in days] == [("account", 1, 4600), ("lead", 1, 4600), ("line", 1, 4600)]
