"""A model that does not answer is left alone for a while; whoever can answer instead is asked at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from receptionist import ModelTroubled
from receptionist.agents import breaker
from receptionist.agents.breaker import Breakers, Call
from receptionist.errors import Interrupted, ModelError
from tests.harness.house import House
from tests.limits.support import events
from tests.servers.brain import Brain, Fails, Piece, Question

BUSY = ModelError("the server is busy", retryable=True)
BAD_KEY = ModelError("the key is not valid", admin=True)
FILTERED = ModelError("the content filter stopped the answer")


class Watch:
    """Breakers with a clock that the test moves, and what an admin was told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(breaker, "monotonic", lambda: self.now)
        self.told: list[tuple[int, str, str]] = []
        self.breakers = Breakers(lambda *news: self.told.append(news))

    def call(self, error: Exception | None = None, account: int = 1, strategy: int = 1, seconds: float = 50) -> str:
        """One round that ends so; "asked", or why it was not."""
        asked = False
        try:
            with self.breakers.guard(Call(account, strategy, "openai/gpt-6", self.now + seconds)):
                asked = True
                if error is not None:
                    raise error
        except (ModelError, Interrupted) as raised:
            return "asked" if asked else str(raised)
        return "asked"


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch)


def test_trouble_that_stays_opens_for_the_account_alone(watch: Watch) -> None:
    for _ in range(breaker.FAILURES - 1):
        assert watch.call(BUSY) == "asked"
    assert watch.call() == "asked"
    for number in range(breaker.FAILURES):
        assert watch.call(BUSY, strategy=number) == "asked", "whatever the strategy; one success began anew"
    assert watch.call() == "openai/gpt-6 is not asked for 30 s, for it failed before: the server is busy"
    assert watch.call(account=2) == "asked"
    assert watch.told == [(1, "openai/gpt-6", "the server is busy")]


def test_one_at_a_time_tries_whether_it_answers_again(watch: Watch) -> None:
    for _ in range(breaker.FAILURES):
        watch.call(BUSY)
    watch.now += breaker.COOLING_SECONDS + 1
    with watch.breakers.guard(Call(1, 1, "openai/gpt-6", watch.now + 50)):
        assert watch.call() != "asked", "while another one tries"
        assert watch.call(account=2) == "asked"
    assert watch.call() == "asked"
    for _ in range(breaker.FAILURES):
        watch.call(BUSY)
    watch.now += breaker.COOLING_SECONDS + 1
    assert watch.call(BUSY) == "asked"
    assert watch.call() != "asked", "the one that tried failed"
    assert len(watch.told) == 2, "once for each opening, and not again for a try that failed"


def test_what_a_person_must_mend_opens_at_once_for_the_strategy(watch: Watch) -> None:
    assert watch.call(BAD_KEY) == "asked"
    assert "is not asked for 120 s" in watch.call()
    assert watch.call(strategy=2) == "asked", "another one may be set up well"
    assert "is not asked" in watch.call(), "and says nothing about this one"
    watch.now += breaker.ADMIN_COOLING_SECONDS + 1
    assert watch.call() == "asked"
    assert watch.call() == "asked"


def test_what_says_nothing_about_the_model_does_not_count(watch: Watch) -> None:
    for _ in range(breaker.FAILURES * 2):
        assert watch.call(FILTERED) == "asked"
        assert watch.call(Interrupted("a newer message came")) == "asked"
    for _ in range(breaker.FAILURES):
        assert watch.call(FILTERED, seconds=1) == "asked", "out of time: it hangs"
    assert watch.call() != "asked"


def test_a_try_that_is_called_off_makes_room_for_the_next(watch: Watch) -> None:
    watch.call(BAD_KEY)
    watch.now += breaker.ADMIN_COOLING_SECONDS + 1
    assert watch.call(Interrupted("a newer message came")) == "asked"
    assert watch.call() == "asked"


def test_a_bad_key_is_told_once_and_not_asked_with_again(watched: House, brain: Brain) -> None:
    brain.reply = lambda question: iter([Fails("Incorrect API key provided", admin=True)])
    first, second = watched.visitor(), watched.visitor()
    assert first.say("Are you there?").startswith("Sorry")
    assert second.say("And you?").startswith("Sorry")
    assert len(brain.questions) == 1, "not retried, and not asked for the second one"
    errors = [row.error for row in watched.sql("SELECT error FROM turns ORDER BY id")]
    assert errors[0] == "Incorrect API key provided"
    assert errors[1].startswith("remote is not asked for 1")
    assert errors[1].endswith("it failed before: Incorrect API key provided")
    assert events(watched, ModelTroubled) == [ModelTroubled(1, "remote", "Incorrect API key provided")]


def test_the_fallback_is_asked_at_once(watched: House, brain: Brain) -> None:
    def reply(question: Question) -> Iterator[Piece]:
        yield Fails("You exceeded your current quota", admin=True)

    brain.reply = reply
    watched.publish(model="remote", fallback_model="counted")
    visitor = watched.visitor()
    assert visitor.say("First question.") == "About First question."
    assert visitor.say("Second question.") == "About Second question."
    assert len(brain.questions) == 1
