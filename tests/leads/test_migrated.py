"""Leads that were there before there was a list of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import command

from receptionist import migrations
from receptionist.db import Database, Scope
from receptionist.models import Identity, Lead
from receptionist.services import accounts
from receptionist.services.leads import consent, lead_addresses, lead_merge, lead_search, lead_values, leads
from tests.harness.migrated import move, old

__all__ = ["old"]

REVISION = "0002"


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


def test_an_address_in_other_capitals_is_the_same_from_then_on(old: Database) -> None:
    migrations.upgrade(old)
    with old.begin() as connection:
        scope = Scope(connection, accounts.create(connection, "A", "UTC"))
        for address in ("Ada@example.org", "", "Bo@example.org", "", ""):
            lead_values.create(scope, lead_values.LeadReader(None, ()).read({"email": address, "company": "C"}), "Ann")
        for lead_id, address in ((2, "ADA@example.org"), (4, "Cy@example.org"), (5, "cy@example.org")):
            leads.change(scope, lead_id, leads.LeadChange(email=address))
        scope.run(sa.delete(Identity).where(Identity.account_id == 1, Identity.kind == "shared:email"))
        for lead_id, address in ((1, "Ada@example.org"), (3, "Bo@example.org")):
            own = scope.update(Identity).where(Identity.lead_id == lead_id)
            scope.run(own.values(value=address))  # as it was stored before
        scope.insert(Identity, lead_id=2, kind="email", value="ada@example.org")
    move(old, command.downgrade, "0005")
    migrations.upgrade(old)
    with old.read() as connection:
        scope = Scope(connection, 1)
        assert leads.owner_of(scope, email="bo@EXAMPLE.org", phone=None) == 3
        assert leads.owner_of(scope, email="Ada@example.org", phone=None) == 2, "who has it in small letters"
        assert [row.value for row in lead_addresses.of(scope, 1)] == ["Ada@example.org", "ada@example.org"]
        told = {each.value: [row.id for row in each.leads] for each in lead_merge.suggested(scope)[0]}
        assert told == {"ada@example.org": [1, 2], "cy@example.org": [4, 5]}
        assert leads.get(scope, 3)["email"] == "Bo@example.org", "as it is written"


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
