"""P8: with the default settings a killed worker's message is taken up again within 45 s; at once where the database is
a file and nobody else answers on it."""

from __future__ import annotations

import fcntl
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from receptionist.db import Database
from receptionist.models import Conversation
from receptionist.pipeline import alone
from receptionist.pipeline.alone import Presence
from receptionist.pipeline.lease import Lease, take
from receptionist.pipeline.runner import Runner
from receptionist.pipeline.sweeper import overdue
from tests.harness.house import House
from tests.promise.conftest import TakenUp


@pytest.mark.slow
def test_taken_up_within_45_seconds(takeover: Future[TakenUp]) -> None:
    for kind, (replies, seconds, after_ready) in takeover.result(timeout=150).items():
        assert replies == ["Echo: Do you come back?"], kind
        assert seconds < 45, kind
        assert after_ready < 10, "a lease lasts for 30 seconds, and its holder is dead"


@pytest.fixture
def leased(house: House) -> int:
    """The conversation that somebody is at."""
    house.visitor().send("Hello?")
    return hold(house, house.rung[0], "somebody").conversation_id


def hold(house: House, number: int, owner: str) -> Lease:
    """Take the conversation's lease, which nobody has, or which ran out, and had nobody die over it."""
    with house.parts.database.begin() as connection:
        lease = take(connection, number, owner, 30)
        connection.execute(sa.update(Conversation).values(attempts=0))
    assert lease is not None
    return lease


def due(house: House) -> list[int]:
    """Conversations whose work anybody may take up."""
    with house.parts.database.read() as connection:
        return overdue(connection)


def test_leases_are_taken_over_only_from_the_dead(house: House, leased: int) -> None:
    first, second, third, fourth = (Presence(house.parts.database) for _ in range(4))
    fourth.enter()
    assert due(house) == [leased], "nobody else is there"
    hold(house, leased, "the fourth")
    first.enter()
    assert due(house) == []
    fourth.leave()
    second.enter()
    assert due(house) == [], "the first one is there still"
    first.leave()
    second.leave()
    third.enter()
    assert due(house) == [leased]
    third.leave()


def test_who_dies_again_and_again_uses_up_no_attempts_in_seconds(house: House, leased: int) -> None:
    """F21: three deaths give a message up. The program may die for any other reason a second after each start."""
    for attempts in (2, 1, 0):
        house.sql(f"UPDATE conversations SET attempts = {attempts}")
        started = Presence(house.parts.database)
        started.enter()
        assert due(house) == ([] if attempts else [leased])
        started.leave()


def test_a_database_has_one_lock_whatever_it_is_called(house: House, leased: int, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(str(house.parts.database.engine.url.database))
    there, other = Presence(house.parts.database), Presence(Database(f"sqlite:///{link}"))
    there.enter()
    hold(house, leased, "who is there")
    other.enter()
    assert due(house) == []
    other.leave()
    there.leave()


def test_who_enters_waits_for_who_looks_just_now(
    house: House, leased: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be taken for dead by who comes later."""
    waits, entering, later = threading.Event(), Presence(house.parts.database), Presence(house.parts.database)
    looking = os.open(f"{house.parts.database.engine.url.database}{alone.SUFFIX}", os.O_RDWR | os.O_CREAT)
    fcntl.flock(looking, fcntl.LOCK_EX)
    with ThreadPoolExecutor(1) as pool, monkeypatch.context() as patch:
        patch.setattr(alone, "_is_alone", lambda _: waits.set())
        entered = pool.submit(entering.enter)
        assert waits.wait(10)
        os.close(looking)
        entered.result(10)
    later.enter()
    assert due(house) == []
    later.leave()
    entering.leave()


def test_a_process_that_stops_is_there_until_it_ends_if_something_hangs_in_it(
    house: House, leased: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Runner, "_wait_for_leases", lambda _runner, _until: None)
    before, after = Presence(house.parts.database), Presence(house.parts.database)
    before.enter()
    hanging = hold(house, leased, "somebody who hangs")
    house.runner.start()
    before.leave()
    house.runner.keeper.add(hanging)
    house.runner.stop()
    after.enter()
    assert due(house) == []
    after.leave()
    house.runner._presence.leave()
