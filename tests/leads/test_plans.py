"""How lists of leads are made: the embedded database tells by which index it goes."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from receptionist.db import Scope
from receptionist.models import Lead, LeadTag, LeadWord
from receptionist.services import lead_search
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

        @sa.event.listens_for(connection, "before_cursor_execute")
        def explain(_: Any, cursor: Any, statement: str, values: Any, *__: Any) -> None:
            plans.extend(row[3] for row in cursor.connection.execute("EXPLAIN QUERY PLAN " + statement, values))

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
