"""The large demo, small: interrupted and gone on with, right in every row, and gone again; lists use their indexes."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import sqlalchemy as sa

from receptionist.db import Scope
from receptionist.errors import LineError
from receptionist.models import Base, Lead
from receptionist.phones import e164
from receptionist.services import limits
from receptionist.services.conversations import conversations, messages
from receptionist.services.demo import large_demo
from receptionist.services.demo.demo_people import person
from receptionist.services.demo.large_demo import ACCOUNT_NAME, Size
from receptionist.services.leads import lead_addresses, lead_search, lead_tags, lead_words, leads
from tests.harness.house import House

SIZE = Size(leads=1200, messages=9000)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """The database of `house`."""
    return str(request.param)


class Interrupted(Exception):
    """The program was ended."""


def seed(house: House, size: Size = SIZE, batches: int | None = None) -> None:
    """Fill the demo; interrupted after so many batches."""
    numbers = itertools.count(1)

    def progress(done: int, total: int) -> None:
        if next(numbers) == batches:
            raise Interrupted

    large_demo.seed(house.parts, house.factory.check, size, progress)


def account_id(house: House) -> int:
    [row] = house.sql("SELECT id FROM accounts WHERE name = :name", name=ACCOUNT_NAME)
    return int(row.id)


def test_it_goes_on_where_it_was_interrupted_and_goes_away_again(house: House) -> None:
    house.texter("blind").send("I am no demo.")
    before = counts(house)
    with pytest.raises(Interrupted):
        seed(house, batches=1)
    part = counts(house)["leads"]
    assert part < SIZE.leads
    seed(house)
    assert counts(house)["leads"] - before["leads"] == SIZE.leads
    assert counts(house)["messages"] - before["messages"] == SIZE.messages
    seed(house)
    assert counts(house)["leads"] - before["leads"] == SIZE.leads, "it is full"
    with pytest.raises(LineError, match="is of another size"):
        seed(house, Size(10, 10))
    _is_right(house)
    with pytest.raises(Interrupted):
        large_demo.remove(house.parts.database, lambda done, total: _interrupt())
    assert large_demo.remove(house.parts.database, lambda done, total: None)
    assert counts(house) == before
    assert not large_demo.remove(house.parts.database, lambda done, total: None)


def _interrupt() -> None:
    raise Interrupted


def counts(house: House) -> dict[str, int]:
    with house.parts.database.read() as connection:
        tables = Base.metadata.sorted_tables
        return {
            table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in tables
        }


def _is_right(house: House) -> None:
    """What the database counts of each lead, what leads are found by, and what conversations come next."""
    wrong = house.sql(
        "SELECT l.id FROM leads l WHERE l.account_id = :account AND (l.interaction_count, l.last_contact_at) <> "
        "(SELECT count(*), max(m.created_at) FROM messages m WHERE m.lead_id = l.id AND m.direction = 'in') "
        "OR l.recent_at <> coalesce(l.last_contact_at, l.created_at)",
        account=account_id(house),
    )
    assert wrong == []
    wrong = house.sql(
        "SELECT c.id FROM conversations c WHERE c.next_seq <> "
        "(SELECT coalesce(max(seq), 0) + 1 FROM messages m WHERE m.conversation_id = c.id) AND c.account_id = :account",
        account=account_id(house),
    )
    assert wrong == []
    with house.parts.database.read() as connection:
        scope = Scope(connection, account_id(house))
        row = scope.first(scope.select(Lead).where(Lead.name.is_not(None)).order_by(Lead.id).offset(77))
        assert row is not None
        words = house.sql("SELECT word FROM lead_words WHERE lead_id = :lead", lead=row.id)
        assert {each.word for each in words} == set(lead_words.of(row.name, row.email, row.phone, row.company))
        assert row.id in [each.id for each in lead_search.listed(scope, text=row.name, limit=200).rows]


def test_its_people_do_not_exist() -> None:
    people = [person(number) for number in range(0, 100_000, 97)]
    for each in people:
        assert each.email is None or each.email.rpartition("@")[2] in {"example.com", "example.net", "example.org"}
        assert each.phone is None or (e164(each.phone, None) == each.phone and each.phone[5:10] == "55501")
    assert len({each.phone for each in people if each.phone}) == len([each for each in people if each.phone])


def test_lists_and_look_ups_use_their_indexes(house: House) -> None:
    """No statement reads a table from end to end, nor sorts more than a page's worth, however large it is."""
    seed(house, Size(1000, 4000))
    seen: list[tuple[str, Any]] = []
    sa.event.listen(house.parts.database.engine, "before_cursor_execute", lambda *event: seen.append(event[2:4]))
    with house.parts.database.read() as connection:
        scope = Scope(connection, account_id(house))
        first = scope.first(scope.select(Lead))
        assert first is not None
        seen.clear()
        lead_search.listed(scope)
        lead_search.listed(scope, status="customer")
        lead_search.listed(scope, text="nobodyhasthisname")
        leads.get(scope, first.id)
        lead_addresses.holder(scope, "phone", "+15735550142")
        conversations.listed(scope)
        conversations.listed(scope, wants_person=True)
        conversations.listed(scope, archived=True)
        conversations.listed(scope, phone="+15735550142")
        conversations.listed(scope, lead_id=first.id)
        conversations.messages(scope, 1)
        messages.in_trouble(scope)
        lead_tags.used(scope)
        days = limits.last_days("UTC", 30)
        limits.usage(scope, days=days)
        limits.usage_of_lines(scope, days=days)
        limits.usage_of_leads(scope, month=days[0].replace(day=1))
        statements = list(seen)
        assert len(statements) >= 16
        explain = "EXPLAIN QUERY PLAN " if house.parts.database.is_sqlite else "EXPLAIN "
        if not house.parts.database.is_sqlite:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # small tables are read whole otherwise
        for statement, values in statements:
            plan = [row[-1] for row in connection.exec_driver_sql(explain + statement, values)]
            scanned = [step for step in plan if step.startswith("SCAN ") or "Seq Scan" in step]
            large = ("leads", "conversations", "messages", "lead_", "identities", "turns", "usage_")
            assert not [step for step in scanned if any(name in step for name in large)], (statement, plan)
