"""P8: with the default settings a killed worker's message is taken up again within 45 s; at once where the database is
a file and nobody else answers on it."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from receptionist.pipeline.alone import Presence
from receptionist.pipeline.lease import take
from receptionist.pipeline.sweeper import overdue
from tests.harness.house import House
from tests.promise.conftest import TakenUp


@pytest.mark.slow
def test_taken_up_within_45_seconds(takeover: Future[TakenUp]) -> None:
    for kind, (replies, seconds, after_ready) in takeover.result(timeout=150).items():
        assert replies == ["Echo: Do you come back?"], kind
        assert seconds < 45, kind
        assert after_ready < 10, "a lease lasts for 30 seconds, and its holder is dead"


def test_leases_are_taken_over_only_from_the_dead(house: House) -> None:
    house.visitor().send("Hello?")
    [number] = house.rung
    with house.parts.database.begin() as connection:
        assert take(connection, number, "somebody", 30) is not None

    def due() -> list[int]:
        with house.parts.database.read() as connection:
            return overdue(connection)

    first, second, third, fourth = (Presence(house.parts.database) for _ in range(4))
    fourth.enter()
    assert due() == [number], "nobody else is there"
    with house.parts.database.begin() as connection:
        assert take(connection, number, "the fourth", 30) is not None
    first.enter()
    assert due() == []
    fourth.leave()
    second.enter()
    assert due() == [], "the first one is there still"
    first.leave()
    second.leave()
    third.enter()
    assert due() == [number]
    third.leave()
