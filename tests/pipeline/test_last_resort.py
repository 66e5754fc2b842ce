"""What cannot even be apologised for is failed in the end, and never blocks its conversation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from receptionist.pipeline import turn
from tests.harness.house import House

Open = Callable[..., House]


def test_a_turn_that_cannot_be_recorded_ends_in_the_failed_list(
    open_house: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = open_house()
    visitor = house.visitor()
    with monkeypatch.context() as patch:

        def broken(*_arguments: object, **_more: object) -> None:
            raise ZeroDivisionError

        patch.setattr(turn, "record", broken)
        visitor.send("Can you hear me?")
        for _ in range(6):
            house.make_due()
            house.drain()
    states = [row[0] for row in house.sql("SELECT state FROM messages WHERE direction = 'in'")]
    assert states == ["failed"]
    visitor.send("And now?")
    house.make_due()
    house.drain()
    assert [row[0] for row in house.sql("SELECT state FROM messages WHERE direction = 'in' ORDER BY seq")][
        1
    ] == "answered"


@pytest.mark.parametrize("kind", ["visitor", "texter"])
def test_only_the_oldest_message_is_given_up_when_workers_died_over_several(house: House, kind: str) -> None:
    """F21: nobody knows which of them was the poison, so they are tried one by one, and the rest is answered."""
    customer = getattr(house, kind)()
    for text in ("Is this the poison?", "And are you open?", "And where are you?"):
        customer.send(text)
    house.sql("UPDATE conversations SET attempts = 3")
    house.drain()
    replies = customer.replies()
    assert replies[0].startswith("Sorry")
    assert replies[1:] == ["Echo: And are you open? | And where are you?"]
    states = [row.state for row in house.sql("SELECT state FROM messages WHERE direction = 'in' ORDER BY seq")]
    assert states == ["failed", "answered", "answered"]
    assert house.sql("SELECT due_at, lease_owner, attempts FROM conversations") == [(None, None, 0)]
