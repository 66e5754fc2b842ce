"""E-mail addresses that differ only in capitals are one: identities hold them in small letters from now on."""

from __future__ import annotations

import string
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

PAGE = 1000
SHARED = "shared:email"

_SMALL = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_identities = sa.table("identities", *map(sa.column, ("id", "account_id", "lead_id", "kind", "value", "created_at")))
_leads = sa.table("leads", *map(sa.column, ("id", "account_id", "email", "merged_into_id", "updated_at")))


def upgrade() -> None:
    """Write identities in small letters. Where another lead has the address so already both stay as they are, and an
    admin is asked whether they are one person; so it is with leads in whose rows the same address stands twice."""
    connection = op.get_bind()
    last = 0
    mails = sa.select(_identities).where(_identities.c.kind.in_(("email", SHARED))).order_by(_identities.c.id)
    while rows := connection.execute(mails.where(_identities.c.id > last).limit(PAGE)).all():
        last = rows[-1].id
        _mend(connection, [row for row in rows if row.value != row.value.translate(_SMALL)])
    for row in connection.execute(_twice()).all():
        if (value := row.first.translate(_SMALL)) == row.last.translate(_SMALL):
            _suspect(connection, row.account_id, row.lead_id, value, row.at)


def downgrade() -> None:
    """Nothing: small letters are as good as capitals."""


def _mend(connection: sa.Connection, rows: list[Any]) -> None:
    values = {row.value.translate(_SMALL) for row in rows}
    known = sa.select(_identities).where(
        _identities.c.account_id.in_({row.account_id for row in rows}),
        _identities.c.kind.in_(("email", SHARED)),
        _identities.c.value.in_(values),
    )
    held = {(row.account_id, row.kind, row.value): row.lead_id for row in connection.execute(known)}
    mended = []
    for row in rows:
        value = row.value.translate(_SMALL)
        holder = held.get((row.account_id, row.kind, value))
        if holder is None:
            held[row.account_id, row.kind, value] = row.lead_id
            mended.append({"which": row.id, "small": value})
        elif holder != row.lead_id and row.kind == "email":
            _suspect(connection, row.account_id, row.lead_id, value, row.created_at)
    if mended:
        which = _identities.c.id == sa.bindparam("which")
        connection.execute(sa.update(_identities).where(which).values(value=sa.bindparam("small")), mended)


def _twice() -> sa.Select[Any]:
    email, small = _leads.c.email, sa.func.lower(_leads.c.email)
    return (
        sa.select(
            _leads.c.account_id,
            sa.func.max(_leads.c.id).label("lead_id"),
            sa.func.min(email).label("first"),
            sa.func.max(email).label("last"),
            sa.func.max(_leads.c.updated_at).label("at"),
        )
        .where(email.is_not(None), _leads.c.merged_into_id.is_(None))
        .group_by(_leads.c.account_id, small)
        .having(sa.func.count() > 1)
    )


def _suspect(connection: sa.Connection, account_id: int, lead_id: int, value: str, at: Any) -> None:
    own = {"account_id": account_id, "kind": SHARED, "value": value}
    if connection.execute(sa.select(_identities.c.id).filter_by(**own)).first() is None:
        connection.execute(sa.insert(_identities).values(**own, lead_id=lead_id, created_at=at))
