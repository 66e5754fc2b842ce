"""Two leads that were one are two again: nothing that is meant for one goes to the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from receptionist.db import Scope
from receptionist.services.conversations import handover
from receptionist.services.leads import lead_merge, lead_unmerge
from tests.harness.house import Customer, House

Act = Callable[..., Any]


@pytest.fixture
def parted(house: House, act: Act) -> tuple[Customer, Customer]:
    """Leads 2 and 1, who both wrote into the conversation of the first of them while they were one."""
    second, first = house.texter(), house.texter()
    for customer in (second, first):
        customer.send("hello")
        house.drain()
    number = act(lead_merge.merge, house.parts.consents, 2, 1, "Ann")
    for customer in (second, first, second):
        customer.send("still me")
        house.drain()
    act(lead_unmerge.unmerge, house.parts.consents, number, "Ann")
    return first, second


def test_who_goes_on_writing_writes_into_the_own_conversation(house: House, parted: tuple[Customer, Customer]) -> None:
    """Processes remember the one they shared, which is still open and still the other's."""
    for customer in reversed(parted):
        customer.send("me again")
        house.drain()
        assert customer.replies()[-1] == "Echo: me again"
    rows = house.sql("SELECT lead_id, conversation_id FROM messages WHERE text = 'me again' ORDER BY id")
    assert [tuple(row) for row in rows] == [(1, 1), (2, 2)]


def test_what_a_person_writes_goes_to_whose_conversation_it_is(
    house: House, act: Act, parted: tuple[Customer, Customer]
) -> None:
    """The other one wrote there last."""
    first, second = parted

    def write(scope: Scope) -> None:
        handover.reply(scope, 2, "Ann", "Your results are in.", 60)
        handover.wake(scope, 2)

    act(write)
    house.make_due()
    house.drain()
    assert "Your results are in." in first.replies()
    assert "Your results are in." not in second.replies()
