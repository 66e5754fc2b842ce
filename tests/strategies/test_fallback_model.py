"""Where the first model fails for good, the fallback model answers, within the same turn and its time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from structlog.testing import capture_logs

from tests.harness.house import House
from tests.servers.brain import Brain, Calls, Fails, Piece, Question
from tests.strategies.conftest import Command

SECOND = """
from receptionist import Completed, Model, ModelError, Said, TextDelta, hookimpl

asked = []


class Second(Model):
    name = "second"
    title = "Second"
    preference = -1

    def stream(self, request):
        asked.append((request.model, [item.text for item in request.items if isinstance(item, Said)]))
        if request.model == "broken":
            raise ModelError("second is broken, too")
        yield TextDelta("Second ")
        yield Completed("Second speaks.", "second-1")


class Unready(Second):
    name = "unready"

    def ready(self):
        return False


@hookimpl
def register_models(host):
    return [Second(host), Unready(host)]
"""


@pytest.fixture
def house(open_house: Callable[..., House]) -> House:
    """A house with a second model."""
    house = open_house({"second_model": SECOND}, TURN_SECONDS=8)
    house.plugin("second_model").asked.clear()
    house.publish(fallback_model="second/small")
    return house


def models(house: House) -> list[tuple[str | None, str]]:
    return [tuple(row) for row in house.sql("SELECT model, state FROM turns ORDER BY id")]


def test_the_first_answers_as_long_as_it_can(house: House) -> None:
    assert house.visitor().say("Hello") == "Echo: Hello"
    assert models(house) == [("remote-1", "done")]


def test_one_that_fails_for_good_is_taken_over_from(house: House, brain: Brain) -> None:
    brain.reply = lambda question: [Fails("no such key", admin=True)]
    with capture_logs() as log:
        assert house.visitor().say("Hello") == "Second speaks."
    assert models(house) == [("second-1", "done")]
    assert house.plugin("second_model").asked == [("small", ["Hello"])]
    [told] = [entry for entry in log if entry["event"] == "model_fell_back"]
    assert (told["model"], told["to"], told["reason"]) == ("remote", "second/small", "no such key")


@pytest.mark.parametrize("retry_after", [None, 30.0], ids=["out of time", "asked to come back too late"])
def test_one_that_fails_again_and_again_is_taken_over_from_in_time(
    house: House, brain: Brain, retry_after: float | None
) -> None:
    brain.reply = lambda question: [Fails("busy", retryable=True, retry_after=retry_after)]
    assert house.visitor().say("Hello") == "Second speaks."
    assert house.sql("SELECT seconds FROM turns")[0].seconds < 8
    assert len(brain.questions) == (1 if retry_after else len(brain.questions)) > 0


def test_what_the_first_did_is_told_to_the_second_and_not_done_again(house: House, brain: Brain) -> None:
    def reply(question: Question) -> Iterator[Piece]:
        yield Fails("gone") if question.outputs else Calls("note", '{"text": "likes red"}')

    brain.reply = reply
    assert house.visitor().say("I like red") == "Second speaks."
    [(_, said)] = house.plugin("second_model").asked
    assert said[0] == "I like red"
    assert said[1].endswith('do not repeat them:\n- note({"text": "likes red"}) → noted likes red')
    assert [row.state for row in house.sql("SELECT state FROM tool_calls")] == ["done"]


def test_where_both_fail_the_customer_gets_the_apology(house: House, brain: Brain) -> None:
    house.publish(fallback_model="second/broken", apology_text="Sorry!")
    brain.reply = lambda question: [Fails("no such key", admin=True)]
    assert house.visitor().say("Hello").startswith("Sorry!\n")
    [row] = house.sql("SELECT state, error FROM turns")
    assert (row.state, row.error) == ("failed", "second is broken, too")


def test_one_that_is_not_ready_is_passed_over(house: House, command: Command) -> None:
    house.publish(model="unready", fallback_model="second")
    assert house.visitor().say("Hello") == "Second speaks."
    house.publish(model="second", fallback_model="unready")
    assert house.visitor().say("Hello") == "Second speaks."
    house.publish(model="unready", fallback_model=None)
    assert house.visitor().say("Hello").startswith("Sorry")
    assert "unready is not there or lacks its key" in command("chat", "House", fails=True)
