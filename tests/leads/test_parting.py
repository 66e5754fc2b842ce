"""Two leads that were one are two again: nothing that is meant for one goes to the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from receptionist.db import Scope
from receptionist.services.conversations import handover
from receptionist.services.leads import lead_merge, lead_unmerge
from tests.harness.house import Customer, House
from tests.harness.waiting import eventually
from tests.pipeline.test_reports import report

Act = Callable[..., Any]


@pytest.fixture
def joined(house: House, act: Act) -> tuple[Customer, Customer, int]:
    """Leads 2 and 1, who both wrote into the conversation of the first of them since they are one; and the merge."""
    second, first = house.texter(), house.texter()
    for customer in (second, first):
        customer.send("hello")
        house.drain()
    number = act(lead_merge.merge, house.parts.consents, 2, 1, "Ann")
    for customer in (second, first, second):
        customer.send("still me")
        house.drain()
    return first, second, number


@pytest.fixture
def parted(house: House, act: Act, joined: tuple[Customer, Customer, int]) -> tuple[Customer, Customer]:
    """The two, who are two leads again."""
    first, second, number = joined
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


def test_who_writes_in_the_very_moment_writes_into_the_own_conversation(
    house: House, joined: tuple[Customer, Customer, int], database: str
) -> None:
    """The message waited for the conversation that they shared, which is still open and still the other's."""
    first, second, number = joined
    writers = [threading.Thread(target=each.send, args=("me again",)) for each in (second, first)]
    with house.parts.database.begin() as connection:
        lead_unmerge.unmerge(Scope(connection, 1), house.parts.consents, number, "Ann")
        for writer in writers:
            writer.start()
        if database == "postgresql":
            eventually(lambda: len(house.sql("SELECT 1 FROM pg_locks WHERE NOT granted")) >= len(writers))
    for writer in writers:
        writer.join(10)
    rows = house.sql("SELECT lead_id, conversation_id FROM messages WHERE text = 'me again' ORDER BY lead_id")
    assert [tuple(row) for row in rows] == [(1, 1), (2, 2)]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_what_a_person_writes_in_the_vendors_app_in_the_very_moment_goes_to_whom_it_was_written(
    house: House, joined: tuple[Customer, Customer, int]
) -> None:
    _, second, number = joined
    echo = {"provider_message_id": "theirs", "to": second.address, "text": "Ann here."}
    writer = threading.Thread(target=report, args=(second,), kwargs={"echoes": [echo]})
    with house.parts.database.begin() as connection:
        lead_unmerge.unmerge(Scope(connection, 1), house.parts.consents, number, "Ann")
        writer.start()
        eventually(lambda: house.sql("SELECT 1 FROM pg_locks WHERE NOT granted"))
    writer.join(10)
    assert house.sql("SELECT lead_id, conversation_id FROM messages WHERE text = 'Ann here.'") == [(1, 1)]
