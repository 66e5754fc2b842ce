"""Usage that was there before it was added up by month."""

from __future__ import annotations

from datetime import date

from receptionist import migrations
from receptionist.db import Database, Scope
from receptionist.services import accounts, limits
from tests.harness.migrated import old

__all__ = ["old"]

REVISION = "0004"
DAYS = [
    ("2026-06-30", "lead", 5, 1, 10),
    ("2026-07-01", "lead", 5, 2, 20),
    ("2026-07-31", "lead", 5, 3, 30),
    ("2026-07-31", "lead", 6, 9, 90),
    ("2026-07-31", "account", 1, 12, 120),
]


def test_days_that_are_kept_are_added_up(old: Database) -> None:
    with old.begin() as connection:
        accounts.create(connection, "Old House", "Europe/Berlin")
        for day, kind, subject, turns, tokens in DAYS:
            connection.exec_driver_sql(
                "INSERT INTO usage_days (account_id, day, kind, subject_id, turns, tokens, cost)"
                f" VALUES (1, '{day}', '{kind}', {subject}, {turns}, {tokens}, {tokens})"
            )
    migrations.upgrade(old)
    with old.read() as connection:
        scope = Scope(connection, 1)
        june, july = (limits.usage_of_leads(scope, month=date(2026, number, 1)) for number in (6, 7))
    assert [tuple(row) for row in june] == [(5, None, 1, 10, 10)]
    assert [tuple(row) for row in july] == [(6, None, 9, 90, 90), (5, None, 5, 50, 50)]
