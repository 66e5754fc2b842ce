"""How lists of leads are made: the embedded database tells by which index it goes."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from receptionist.db import Scope
from receptionist.models import Lead, LeadTag, LeadWord
from receptionist.services.conversations import conversations
from receptionist.services.leads import lead_addresses, lead_search
from tests.harness.house import House


def test_a_search_among_thousands_reads_few_rows(house: House) -> None:
    """By the plans: each step goes by an index that begins with the account."""
    plans: list[str] = []
    with house.parts.database.begin() as connection:
        connection.execute(sa.insert(Lead), [{"account_id": 1, "id": n, "name": f"N {n}"} for n in range(1, 3001)])
        connection.execute(
            sa.insert(LeadWord), [{"account_id": 1, "lead_id": n, "word": f"n{n}"} for n in range(1, 3001)]
        )
        connection.execute(sa.insert(LeadTag), [{"account_id": 1, "lead_id": n, "tag": "all"} for n in range(1, 3001)])

        _explain(connection, plans)
        scope = Scope(connection, 1)
        for filters in (
            {"text": "n"},
            {"text": "n12"},
            {"tag": "all"},
            {"text": "n", "tag": "all", "status": "new"},
            {},
        ):
            assert lead_search.listed(scope, **filters).rows
    looked = [plan for plan in plans if "lead" in plan]
    assert looked and [plan for plan in looked if "SEARCH" not in plan or "account_id=?" not in plan] == []


def test_who_has_an_address_is_found_without_a_walk_through_all(house: House) -> None:
    plans: list[str] = []
    people = [{"account_id": 1, "id": n, "email": f"N{n}@example.org", "phone": f"+4930{n}"} for n in range(1, 3001)]
    words = [{"account_id": 1, "lead_id": n, "word": f"n{n}@example.org"} for n in range(1, 3001)]
    with house.parts.database.begin() as connection:
        connection.execute(sa.insert(Lead), people)
        connection.execute(sa.insert(LeadWord), words)
        _explain(connection, plans)
        scope = Scope(connection, 1)
        assert lead_addresses.given(scope, "email", ["n7@example.org"]) == [("n7@example.org", 7)]
        assert lead_addresses.given(scope, "phone", ["+49307"]) == [("+49307", 7)]
        assert lead_addresses.holder(scope, "email", "N7@example.org") is None
    assert plans and [plan for plan in plans if plan.startswith("SCAN")] == []


def test_conversations_are_found_by_phone_without_a_walk_through_all(house: House) -> None:
    plans: list[str] = []
    house.visitor().say("hello")
    with house.parts.database.begin() as connection:
        scope = Scope(connection, 1)
        scope.run(scope.update(Lead).values(phone="+4930123456"))
        _explain(connection, plans)
        assert conversations.listed(scope, phone="+4930999") == []
        [row] = conversations.listed(scope, phone="+4930123456")
        assert row.phone == "+4930123456"
        assert conversations.listed(scope, phone="+4930123456", before=row.id) == []
    searched = [plan for plan in plans if "leads" in plan or "conversations" in plan]
    assert [plan for plan in searched if plan.startswith("SCAN")] == []
    assert any("conversations" in plan and "lead_id=?" in plan for plan in searched)


def _explain(connection: sa.Connection, plans: list[str]) -> None:
    """Note the plan of each statement from now on."""

    @sa.event.listens_for(connection, "before_cursor_execute")
    def explain(_: Any, cursor: Any, statement: str, values: Any, *__: Any) -> None:
        plans.extend(row[3] for row in cursor.connection.execute("EXPLAIN QUERY PLAN " + statement, values))
