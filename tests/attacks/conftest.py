"""A house with the bundled tools and guards, and a model that does whatever an attacker says."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.harness.house import House
from tests.harness.instance import left_out
from tests.servers.brain import Brain, Calls, Piece, Question

TAKES_PART = {
    "business_hours",
    "callback_desk",
    "card_guard",
    "fact_search",
    "farewell",
    "goals",
    "lead_messages",
    "lead_tools",
    "quick_choices",
    "safe_text",
}


@pytest.fixture
def desk(open_house: Callable[..., House]) -> House:
    """The house; its strategy has none but the tools of a test's own."""
    return open_house(DISABLED_PLUGINS=",".join(sorted({*left_out().split(",")} - TAKES_PART)))


@pytest.fixture
def obeys(brain: Brain) -> Callable[..., None]:
    """`obeys(Calls(…))`: the model makes the call, whatever it was offered, and then tells what came back."""

    def obey(*calls: Calls) -> None:
        def reply(question: Question) -> Iterator[Piece]:
            if question.outputs:
                yield " / ".join(question.outputs)
            else:
                yield from calls

        brain.reply = reply

    return obey
