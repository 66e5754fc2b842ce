"""Sessions with goals, tasks for persons, usage and prices, traces of turns, choices."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import SchemaItem

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_moment = sa.DateTime(timezone=True)
_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_json = sa.JSON()

_COLUMNS: dict[str, list[sa.Column[Any]]] = {
    "accounts": [
        sa.Column("limits", _json, server_default="{}", nullable=False),
        sa.Column("person_minutes", sa.Integer(), server_default=sa.text("15"), nullable=False),
    ],
    "turns": [sa.Column("cost", _id, nullable=True), sa.Column("trace", _json, nullable=True)],
    "conversations": [sa.Column("person_due_at", _moment, nullable=True)],
    "messages": [sa.Column("choices", _json, nullable=True)],
}


def upgrade() -> None:
    """Add columns and tables."""
    for table, columns in _COLUMNS.items():
        for column in columns:
            op.add_column(table, column)
    due = sa.text("person_due_at IS NOT NULL")
    op.create_index(
        "ix_conversations_person_due_at", "conversations", ["person_due_at"], sqlite_where=due, postgresql_where=due
    )
    posted = sa.text("author = 'agent' AND turn_id IS NULL")
    op.create_index(
        "ix_messages_posted", "messages", ["account_id", "id"], sqlite_where=posted, postgresql_where=posted
    )
    _create_sessions()
    _create_tasks()
    _create_usage()


def downgrade() -> None:
    """Take them away again."""
    for table in ("model_prices", "usage_days", "tasks", "sessions"):
        op.drop_table(table)
    op.drop_index("ix_messages_posted", table_name="messages")
    op.drop_index("ix_conversations_person_due_at", table_name="conversations")
    for table, columns in reversed(_COLUMNS.items()):
        for column in columns:
            op.drop_column(table, column.name)


def _create_sessions() -> None:
    _create(
        "sessions",
        [
            sa.Column("conversation_id", _id, nullable=False),
            sa.Column("version", sa.Integer(), nullable=False),
            *(sa.Column(name, _json, nullable=False) for name in ("goals", "calls", "pending", "persons")),
            sa.Column("summary", sa.Text(), nullable=False),
            sa.Column("summary_seq", sa.Integer(), nullable=False),
            sa.Column("updated_at", _moment, nullable=False),
        ],
        {"conversation_id": "conversations"},
        ["account_id", "conversation_id"],
    )


def _create_tasks() -> None:
    kind = op.f("ck_tasks_kind")
    _create(
        "tasks",
        [
            sa.Column("conversation_id", _id, nullable=False),
            sa.Column("lead_id", _id, nullable=False),
            sa.Column("turn_id", _id, nullable=True),
            sa.Column("kind", sa.String(length=10), nullable=False),
            sa.Column("text", sa.Text(), nullable=False),
            sa.Column("due_at", _moment, nullable=True),
            sa.Column("done_at", _moment, nullable=True),
            sa.Column("done_by", sa.String(length=200), nullable=True),
            sa.Column("created_at", _moment, nullable=False),
            sa.CheckConstraint("kind IN ('callback', 'claim', 'message', 'limit')", name=kind),
        ],
        {"conversation_id": "conversations", "lead_id": "leads", "turn_id": "turns"},
    )
    open_ones = sa.text("done_at IS NULL")
    op.create_index(op.f("ix_tasks_account_id_lead_id"), "tasks", ["account_id", "lead_id"])
    op.create_index(op.f("ix_tasks_account_id_conversation_id"), "tasks", ["account_id", "conversation_id"])
    op.create_index("ix_tasks_open", "tasks", ["account_id", "id"], sqlite_where=open_ones, postgresql_where=open_ones)


def _create_usage() -> None:
    _create(
        "usage_days",
        [
            sa.Column("day", sa.Date(), nullable=False),
            sa.Column("kind", sa.String(length=10), nullable=False),
            sa.Column("subject_id", _id, nullable=False),
            sa.Column("turns", sa.Integer(), nullable=False),
            sa.Column("tokens", _id, nullable=False),
            sa.Column("cost", _id, nullable=False),
            sa.CheckConstraint("kind IN ('account', 'line', 'lead')", name=op.f("ck_usage_days_kind")),
        ],
        {},
        ["account_id", "day", "kind", "subject_id"],
    )
    _create(
        "model_prices",
        [
            sa.Column("model", sa.String(length=120), nullable=False),
            *(sa.Column(name, _id, nullable=False) for name in ("input", "cached", "output")),
        ],
        {},
        ["account_id", "model"],
    )


def _create(table: str, columns: list[SchemaItem], refers: dict[str, str], unique: list[str] | None = None) -> None:
    op.create_table(
        table,
        *columns,
        sa.Column("id", _id, nullable=False),
        sa.Column("account_id", _id, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f(f"fk_{table}_account_id")),
        *(
            sa.ForeignKeyConstraint(
                ["account_id", column],
                [f"{other}.account_id", f"{other}.id"],
                name=op.f(f"fk_{table}_account_id_{column}"),
            )
            for column, other in refers.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        *(
            sa.UniqueConstraint(*each, name=op.f(f"uq_{table}_{'_'.join(each)}"))
            for each in (["account_id", "id"], unique)
            if each
        ),
        sqlite_autoincrement=True,
    )
