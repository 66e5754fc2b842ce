"""Leads that were there before there was a list of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from receptionist import migrations
from receptionist.db import Database, Scope
from receptionist.models import Identity, Lead
from receptionist.services.leads import consent, lead_merge, lead_search
from tests.servers.postgres import PostgresServer


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of the revision before."""
    url = f"sqlite:///{tmp_path / 'old.db'}"
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.new_database()
    database = Database(url)
    config = Config()
    config.set_main_option("script_location", str(migrations.HERE))
    with database.migrating() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
    yield database
    database.dispose()
    if request.param == "postgresql":
        server.drop_database(url)


def test_they_are_found_and_what_they_refused_and_share_is_known(old: Database) -> None:
    with old.begin() as connection:
        _fill(connection)
    migrations.upgrade(old)
    with old.read() as connection:
        scope = Scope(connection, 1)
        assert [row.id for row in lead_search.listed(scope, text="jurgen 0170").rows] == [1]
        assert [row.id for row in lead_search.listed(scope, text="ada@example.org").rows] == [2, 1]
        assert [(each.state, each.source) for each in consent.known(scope, 1).values()] == [("refused", "message")]
        assert [row.id for row in lead_search.listed(scope, opted_out=True).rows] == [1]
        [suggestion], _ = lead_merge.suggested(scope)
        assert (suggestion.value, [row.id for row in suggestion.leads]) == ("ada@example.org", [1, 2])
        assert [row.value for row in scope.all(scope.select(Identity).where(Identity.kind == "email"))] == [
            "ada@example.org"
        ]
        row = scope.first(scope.select(Lead).where(Lead.id == 1))
    assert row is not None and (row.interaction_count, row.status, row.recent_at) == (0, "new", row.created_at)


def _fill(connection: sa.Connection) -> None:
    at = "'2026-01-01 00:00:00.000000'"
    for statement in (
        f"INSERT INTO accounts (id, name, timezone, revision, created_at) VALUES (1, 'A', 'UTC', 1, {at})",
        "INSERT INTO leads (id, account_id, name, email, phone, notes, created_at, updated_at) VALUES"
        f" (1, 1, 'Jürgen', 'ada@EXAMPLE.org', '+491701234567', '', {at}, {at}),"
        f" (2, 1, 'Ada', 'ada@example.org', NULL, '', '2026-01-02 00:00:00.000000', {at})",
        "INSERT INTO identities (account_id, lead_id, kind, value, created_at) VALUES"
        f" (1, 1, 'email', 'ada@EXAMPLE.org', {at})",
        "INSERT INTO lines (id, account_id, channel, key, title, address, settings, secrets, active, created_at) VALUES"
        f" (1, 1, 'sms', 'k', 'SMS', '', '{{}}', '{{}}', true, {at})",
        "INSERT INTO conversations (account_id, lead_id, line_id, address, state, next_seq, fence, attempts,"
        " opted_out_at, created_at, last_message_at) VALUES"
        f" (1, 1, 1, '+491701234567', 'open', 1, 0, 0, {at}, {at}, {at})",
    ):
        connection.exec_driver_sql(statement)
