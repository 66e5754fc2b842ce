"""Opt-outs, hand-over to a person, delivery reports, attachments, strict order."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_moment = sa.DateTime(timezone=True)
_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_COLUMNS: dict[str, list[sa.Column[Any]]] = {
    "accounts": [sa.Column("country", sa.String(length=2), nullable=True)],
    "leads": [sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False)],
    "lines": [
        sa.Column("strict_order", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("asked_at", _moment, nullable=True),
        sa.Column("ask_due_at", _moment, nullable=True),
        sa.Column("trouble", sa.Text(), nullable=True),
    ],
    "conversations": [
        sa.Column("person", sa.String(length=200), nullable=True),
        sa.Column("person_until", _moment, nullable=True),
        sa.Column("opted_out_at", _moment, nullable=True),
    ],
    "messages": [
        sa.Column("replays", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=True),
        sa.Column("delivery", sa.String(length=10), nullable=True),
        sa.Column("attachments", sa.JSON(), nullable=True),
    ],
}


def upgrade() -> None:
    """Add the columns, and the table of opt-outs."""
    for table, columns in _COLUMNS.items():
        for column in columns:
            op.add_column(table, column)
    op.create_table(
        "opt_outs",
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", _moment, nullable=False),
        sa.Column("id", _id, nullable=False),
        sa.Column("account_id", _id, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_opt_outs_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opt_outs")),
        sa.UniqueConstraint(
            "account_id", "channel", "address_hash", name=op.f("uq_opt_outs_account_id_channel_address_hash")
        ),
        sa.UniqueConstraint("account_id", "id", name=op.f("uq_opt_outs_account_id_id")),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    """Take them away again."""
    op.drop_table("opt_outs")
    for table, columns in reversed(_COLUMNS.items()):
        for column in columns:
            op.drop_column(table, column.name)
