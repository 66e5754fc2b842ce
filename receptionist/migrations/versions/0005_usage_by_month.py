"""What each lead used in a month, so that who used most is found without adding up the days of all."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MONTHS = {"sqlite": "date(day, 'start of month')", "postgresql": "CAST(date_trunc('month', day) AS date)"}


def upgrade() -> None:
    """Add the table, and fill it with what the days that are kept add up to."""
    op.create_table(
        "usage_months",
        sa.Column("lead_id", _id, nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("turns", sa.Integer(), nullable=False),
        sa.Column("tokens", _id, nullable=False),
        sa.Column("cost", _id, nullable=False),
        sa.Column("id", _id, nullable=False),
        sa.Column("account_id", _id, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_usage_months_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_months")),
        sa.UniqueConstraint("account_id", "id", name=op.f("uq_usage_months_account_id_id")),
        sa.UniqueConstraint("account_id", "lead_id", "month", name=op.f("uq_usage_months_account_id_lead_id_month")),
        sqlite_autoincrement=True,
    )
    op.execute(totals(op.get_bind().dialect.name))
    most = ["account_id", "month", "tokens", "turns", "lead_id"]
    op.create_index(op.f(f"ix_usage_months_{'_'.join(most)}"), "usage_months", most)


def downgrade() -> None:
    """Take it away again; the days are all there."""
    op.drop_table("usage_months")


def totals(dialect: str) -> sa.Insert:
    """The statement that fills the table."""
    sums = ("turns", "tokens", "cost")
    days = sa.table("usage_days", *map(sa.column, ("account_id", "day", "kind", "subject_id", *sums)))
    months = sa.table("usage_months", *map(sa.column, ("account_id", "lead_id", "month", *sums)))
    keys: tuple[Any, ...] = days.c.account_id, days.c.subject_id, sa.literal_column(_MONTHS[dialect])
    added = sa.select(*keys, *(sa.func.sum(days.c[name]) for name in sums)).where(days.c.kind == "lead").group_by(*keys)
    return sa.insert(months).from_select(list(months.c.keys()), added)
