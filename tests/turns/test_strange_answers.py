"""What a model server says besides its answer is hostile, too: counts, names and reasons break no turn and no limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from receptionist import Usage
from receptionist.pipeline.turn import MOST_PARTS
from tests.harness.house import House
from tests.turns.test_spent import used

STRANGE = '''
"""A model that says what the test wants about itself."""

from receptionist import Completed, Model, ModelError, TextDelta, Usage, hookimpl

name, counts, reason, text = "strange-1", (10, 5), "", "Well."


class Strange(Model):
    name, title, preference = "strange", "Strange", 3000

    def stream(self, request):
        if reason:
            raise ModelError(reason)
        yield TextDelta(text)
        yield Completed(text, name, Usage(*counts))


@hookimpl
def register_models(host):
    return [Strange(host)]
'''
BAD = "a\ud800b\0c"
READABLE = "a\N{REPLACEMENT CHARACTER}bc"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """The database of `house`."""
    return str(request.param)


@pytest.fixture
def house(open_house: Callable[..., House]) -> House:
    """A house that answers with the strange model."""
    return open_house({"strange": STRANGE})


def turn(house: House, **strange: Any) -> tuple[list[str], Any]:
    """What a new visitor is answered where the model has these attributes, and the turn's row."""
    vars(house.plugin("strange")).update(strange)
    visitor = house.visitor()
    visitor.send("Hello")
    house.drain()
    [*_, row] = house.sql("SELECT state, model, input_tokens, output_tokens, error FROM turns ORDER BY id")
    return visitor.replies(), row


@pytest.mark.parametrize(
    ("counts", "kept"),
    [
        (("12", None), (12, 0)),
        ((-5000, 3), (0, 3)),
        ((10**30, [1]), (2**31 - 1, 0)),
        ((float("nan"), float("inf")), (0, 0)),
        ((1.5, True), (1, 1)),
    ],
)
def test_what_is_no_count_of_tokens(house: House, counts: tuple[Any, Any], kept: tuple[int, int]) -> None:
    replies, row = turn(house, counts=counts)
    assert replies == ["Well."]
    assert (row.state, row.input_tokens, row.output_tokens) == ("done", *kept)
    assert used(house) == (1, sum(kept), 0), "nothing is taken away from what was used"


def test_names_and_reasons_that_no_database_takes(house: House) -> None:
    replies, row = turn(house, name="m" * 5000)
    assert (replies, row.model) == (["Well."], "m" * 120)
    replies, row = turn(house, name=BAD)
    assert (replies, row.model) == (["Well."], READABLE)
    replies, row = turn(house, reason=f"The server says {BAD} " + "x" * 10_000)
    assert len(replies) == 1 and replies[0].startswith("Sorry")
    assert row.state == "failed" and row.error.startswith(f"The server says {READABLE} x") and len(row.error) == 2000


def test_a_lie_that_no_database_takes(house: House) -> None:
    replies, row = turn(house, text=f"I have booked you for Friday, {BAD}.")
    assert len(replies) == 1 and "booked" not in replies[0]
    assert row.state == "done"
    [task] = house.sql("SELECT text FROM tasks")
    assert READABLE in task.text


def test_a_novel_is_cut(house: House) -> None:
    """It cost the business a text message for every page."""
    texter = house.texter("blind")
    vars(house.plugin("strange")).update(text="word " * 15_000)
    texter.send("Write me a novel.")
    house.drain()
    assert len(texter.replies()) == MOST_PARTS
    assert house.sql("SELECT state, count(*) FROM messages WHERE direction = 'out' GROUP BY state") == [
        ("sent", MOST_PARTS)
    ]


def test_the_sum_of_a_turn_is_bounded() -> None:
    most = 2**31 - 1
    assert Usage(most, 1).plus(Usage(most, 1)) == Usage(most, 2)
