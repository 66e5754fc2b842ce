"""What was used is counted once, whatever restarts, and other processes learn of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date

import pytest
import sqlalchemy as sa

from receptionist.contracts.limits import DayLimits
from receptionist.db import Database, Scope
from receptionist.errors import Unavailable
from receptionist.pipeline.usage import Reached, Reservation, Subject, UsageBook
from receptionist.pipeline.usage_rows import Amount, Key
from receptionist.services import limits
from tests.harness.house import House
from tests.harness.waiting import eventually
from tests.limits.conftest import COUNTED
from tests.limits.support import limit

DAY = date(2026, 7, 1)


def subject(kind: str = "account", number: int = 1, **limits: int) -> Subject:
    """Somebody of account 1, limited for the day."""
    return Subject(Key(1, DAY, kind, number), DayLimits.model_validate(limits))


def take(book: UsageBook, *subjects: Subject, tokens: int = 10, cost: int = 5) -> bool:
    """One turn; whether it could begin."""
    begun = book.reserve(subjects)
    if isinstance(begun, Reservation):
        begun.settle(tokens, cost)
    return isinstance(begun, Reservation)


def rows(house: House) -> list[tuple[object, ...]]:
    """All that is written."""
    found = house.sql("SELECT kind, subject_id, turns, tokens, cost FROM usage_days ORDER BY kind, subject_id")
    return [tuple(row) for row in found]


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """The statements that run meanwhile."""
    seen: list[str] = []

    def note(*arguments: object) -> None:
        seen.append(str(arguments[2]))

    sa.event.listen(database.engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(database.engine, "before_cursor_execute", note)


def test_a_hundred_at_once_stop_at_ten(house: House) -> None:
    book = UsageBook(house.parts.database)
    with ThreadPoolExecutor(32) as pool:
        begun = list(pool.map(lambda _: book.reserve([subject(turns=10)]), range(100)))
    running = [each for each in begun if isinstance(each, Reservation)]
    assert len(running) == 10
    assert all(each.limit == "10 turns" for each in begun if isinstance(each, Reached))
    running[0].cancel()
    assert take(book, subject(turns=10)), "what did not count makes room"
    for each in running:
        each.settle(10, 5)
        each.settle(10, 5)
    book.flush()
    assert rows(house) == [("account", 1, 10, 100, 50)], "each counts once"


def test_many_subjects_are_written_together_and_added_up(house: House) -> None:
    book = UsageBook(house.parts.database)
    for _ in range(2):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: take(book, subject("lead", n), subject("line", n % 3), subject()), range(300)))
        with statements(house.parts.database) as seen:
            book.flush()
            book.flush()
        assert 1 <= sum("INSERT INTO usage_days" in each for each in seen) <= 2
    assert len(rows(house)) == 304
    assert rows(house)[0] == ("account", 1, 600, 6000, 3000)
    assert rows(house)[-1] == ("line", 2, 200, 2000, 1000)


def test_what_leads_used_is_added_up_by_month(house: House) -> None:
    book = UsageBook(house.parts.database)
    uses = [(date(2026, 6, 30), 5), (date(2026, 7, 1), 5), (date(2026, 7, 31), 5), (date(2026, 7, 31), 6)]
    for day, lead in uses:
        book.add([Key(1, day, kind, number) for kind, number in (("account", 1), ("lead", lead))], Amount(1, 10, 5))
    book.flush()
    book.add([Key(1, date(2026, 7, 2), "lead", 5)], Amount(1, 10, 5))
    book.flush()
    months = house.sql("SELECT month, lead_id, turns, tokens, cost FROM usage_months ORDER BY month, lead_id")
    assert [(str(row.month), *row[1:]) for row in months] == [
        ("2026-06-01", 5, 1, 10, 5),
        ("2026-07-01", 5, 3, 30, 15),
        ("2026-07-01", 6, 1, 10, 5),
    ]
    with house.parts.database.read() as connection:
        found = limits.usage_of_leads(Scope(connection, 1), month=date(2026, 7, 1))
        assert limits.usage_of_leads(Scope(connection, 2), month=date(2026, 7, 1)) == []
    assert [tuple(row) for row in found] == [(5, None, 3, 30, 15), (6, None, 1, 10, 5)], "who used most is first"


def test_a_new_process_goes_on_where_the_old_one_stopped(house: House) -> None:
    old, new = (UsageBook(house.parts.database) for _ in range(2))
    assert take(old, subject("lead", 5, tokens=15), tokens=15)
    old.flush()
    assert not take(new, subject("lead", 5, tokens=15))
    assert take(new, subject("lead", 6, tokens=15))


def test_processes_learn_of_each_other_by_the_next_flush(house: House) -> None:
    here, there = (UsageBook(house.parts.database) for _ in range(2))
    assert take(there, subject(turns=4))
    for _ in range(3):
        assert take(here, subject(turns=4))
    here.flush()
    there.flush()
    assert not take(there, subject(turns=4)), "told by what it wrote itself"
    assert take(here, subject("line", 2, tokens=10), tokens=8)
    assert take(there, subject("line", 2, tokens=10), tokens=1)
    here.flush()
    there.flush()
    assert take(here, subject("line", 2, tokens=10), tokens=1)
    here.flush()
    there.flush()
    assert not take(there, subject("line", 2, tokens=10)), "told though it wrote nothing since"


def test_nothing_is_lost_while_the_database_is_away(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    book = UsageBook(house.parts.database)
    assert take(book, subject(turns=2))

    def away() -> None:
        raise Unavailable("The database is away.")

    with monkeypatch.context() as patch:
        patch.setattr(house.parts.database, "begin", away)
        with pytest.raises(Unavailable):
            book.flush()
    assert take(book, subject(turns=2))
    assert not take(book, subject(turns=2))
    book.flush()
    assert rows(house) == [("account", 1, 2, 20, 10)]


def test_a_total_that_cannot_be_read_makes_nothing_count_twice(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    book = UsageBook(house.parts.database)
    assert take(book, subject(turns=9))
    book.flush()  # from now on the account is watched, though it writes nothing itself
    assert take(book, subject("lead", 5))

    def away(*, once: bool = False) -> None:
        raise Unavailable("The database is away.")

    with monkeypatch.context() as patch:
        patch.setattr(house.parts.database, "read", away)
        book.flush()
    book.flush()
    assert rows(house) == [("account", 1, 1, 10, 5), ("lead", 5, 1, 10, 5)]


def test_an_account_that_is_gone_stops_nobody_elses(house: House) -> None:
    book = UsageBook(house.parts.database)
    gone = Subject(Key(99, DAY, "account", 99), DayLimits())
    assert take(book, gone)
    assert take(book, subject(turns=9))
    book.flush()
    assert rows(house) == [("account", 1, 1, 10, 5)]
    assert take(book, subject(turns=9))
    with statements(house.parts.database) as seen:
        book.flush()
    assert rows(house) == [("account", 1, 2, 20, 10)]
    assert len([each for each in seen if "INSERT INTO usage_days" in each]) == 1, "what is gone is not tried again"


def test_what_is_remembered_is_bounded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receptionist.pipeline.usage.REMEMBERED", 10)
    book = UsageBook(house.parts.database)
    for number in range(50):
        assert take(book, subject("lead", number, turns=1))
    assert len(book._entries) == 50, "what is not written is not forgotten"
    book.flush()
    assert take(book, subject("lead", 50, turns=1))
    assert len(book._entries) == 10
    assert not take(book, subject("lead", 0, turns=1)), "looked up again"


def test_a_turn_costs_no_statement_more(open_house: Callable[..., House]) -> None:
    house = open_house({"counted": COUNTED})
    visitor = house.visitor()
    with statements(house.parts.database) as seen:
        visitor.say("The first message ever.")
        visitor.say("And another one.")
    assert not [each for each in seen if "usage_days" in each]
    house.runner.usage.flush()
    assert [row[0] for row in rows(house)] == ["account", "lead", "line"]
    assert {row[2:4] for row in rows(house)} == {(2, 2200)}


def test_a_process_writes_by_itself_and_at_its_end(open_house: Callable[..., House]) -> None:
    house = open_house({"counted": COUNTED})
    limit(house, lead_turns=5)
    house.start()
    visitor = house.visitor()
    visitor.send("Hello there.")
    eventually(lambda: rows(house), what="the usage in the database")
    visitor.send("Hello again.")
    eventually(lambda: len(visitor.replies()) == 2, what="the second answer")
    house.runner.stop()
    house._started = False
    assert ("account", 1, 2, 2200, 0) in rows(house)
