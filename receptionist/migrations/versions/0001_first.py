"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "accounts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("credits", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("credits >= 0", name=op.f("ck_accounts_credits")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("name", name=op.f("uq_accounts_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "leads",
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("email", sa.String(length=320), nullable=True),
        sa.Column("phone", sa.String(length=40), nullable=True),
        sa.Column("company", sa.String(length=200), nullable=True),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_leads_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leads")),
        sa.UniqueConstraint("account_id", "id", name=op.f("uq_leads_account_id_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_leads_account_id_email"), "leads", ["account_id", "email"], unique=False)
    op.create_index(op.f("ix_leads_account_id_phone"), "leads", ["account_id", "phone"], unique=False)
    op.create_table(
        "strategies",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("published_number", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_strategies_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strategies")),
        sa.UniqueConstraint("account_id", "id", name=op.f("uq_strategies_account_id_id")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_strategies_account_id_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "identities",
        sa.Column("lead_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("value", sa.String(length=320), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "lead_id"], ["leads.account_id", "leads.id"], name=op.f("fk_identities_account_id_lead_id")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_identities_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identities")),
        sa.UniqueConstraint("account_id", "id", name=op.f("uq_identities_account_id_id")),
        sa.UniqueConstraint("account_id", "kind", "value", name=op.f("uq_identities_account_id_kind_value")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "lines",
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("secrets", sa.JSON(), nullable=False),
        sa.Column("strategy_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "strategy_id"],
            ["strategies.account_id", "strategies.id"],
            name=op.f("fk_lines_account_id_strategy_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_lines_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lines")),
        sa.UniqueConstraint("account_id", "id", name=op.f("uq_lines_account_id_id")),
        sa.UniqueConstraint("key", name=op.f("uq_lines_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "strategy_versions",
        sa.Column("strategy_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "strategy_id"],
            ["strategies.account_id", "strategies.id"],
            name=op.f("fk_strategy_versions_account_id_strategy_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_strategy_versions_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strategy_versions")),
        sa.UniqueConstraint("account_id", "id", name=op.f("uq_strategy_versions_account_id_id")),
        sa.UniqueConstraint(
            "account_id", "strategy_id", "number", name=op.f("uq_strategy_versions_account_id_strategy_id_number")
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "conversations",
        sa.Column("lead_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("next_seq", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("turn_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("person_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("person_reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_message_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("state IN ('open', 'archived')", name=op.f("ck_conversations_state")),
        sa.ForeignKeyConstraint(
            ["account_id", "lead_id"],
            ["leads.account_id", "leads.id"],
            name=op.f("fk_conversations_account_id_lead_id"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "line_id"],
            ["lines.account_id", "lines.id"],
            name=op.f("fk_conversations_account_id_line_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_conversations_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
        sa.UniqueConstraint("account_id", "id", name=op.f("uq_conversations_account_id_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_conversations_due_at",
        "conversations",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "uq_conversations_open",
        "conversations",
        ["line_id", "lead_id"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "turns",
        sa.Column("conversation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("strategy_version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("ticket", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("model", sa.String(length=120), nullable=True),
        sa.Column("input_tokens", sa.Integer(), nullable=False),
        sa.Column("output_tokens", sa.Integer(), nullable=False),
        sa.Column("cached_tokens", sa.Integer(), nullable=False),
        sa.Column("reasoning_tokens", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("state IN ('running', 'done', 'silent', 'failed')", name=op.f("ck_turns_state")),
        sa.ForeignKeyConstraint(
            ["account_id", "conversation_id"],
            ["conversations.account_id", "conversations.id"],
            name=op.f("fk_turns_account_id_conversation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "strategy_version_id"],
            ["strategy_versions.account_id", "strategy_versions.id"],
            name=op.f("fk_turns_account_id_strategy_version_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_turns_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_turns")),
        sa.UniqueConstraint("account_id", "id", name=op.f("uq_turns_account_id_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_turns_account_id_conversation_id_id"), "turns", ["account_id", "conversation_id", "id"], unique=False
    )
    op.create_table(
        "credit_entries",
        sa.Column("turn_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "turn_id"],
            ["turns.account_id", "turns.id"],
            name=op.f("fk_credit_entries_account_id_turn_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_credit_entries_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_entries")),
        sa.UniqueConstraint("account_id", "id", name=op.f("uq_credit_entries_account_id_id")),
        sa.UniqueConstraint("turn_id", name=op.f("uq_credit_entries_turn_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "messages",
        sa.Column("conversation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("lead_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("direction", sa.String(length=3), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("author", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("provider_message_id", sa.String(length=400), nullable=True),
        sa.Column("turn_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("part", sa.Integer(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("direction IN ('in', 'out')", name=op.f("ck_messages_direction")),
        sa.ForeignKeyConstraint(
            ["account_id", "conversation_id"],
            ["conversations.account_id", "conversations.id"],
            name=op.f("fk_messages_account_id_conversation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "lead_id"], ["leads.account_id", "leads.id"], name=op.f("fk_messages_account_id_lead_id")
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "line_id"], ["lines.account_id", "lines.id"], name=op.f("fk_messages_account_id_line_id")
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "turn_id"], ["turns.account_id", "turns.id"], name=op.f("fk_messages_account_id_turn_id")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_messages_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("account_id", "id", name=op.f("uq_messages_account_id_id")),
        sa.UniqueConstraint("conversation_id", "seq", name=op.f("uq_messages_conversation_id_seq")),
        sa.UniqueConstraint(
            "line_id",
            "direction",
            "provider_message_id",
            name=op.f("uq_messages_line_id_direction_provider_message_id"),
        ),
        sa.UniqueConstraint("turn_id", "part", name=op.f("uq_messages_turn_id_part")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_messages_open",
        "messages",
        ["conversation_id", "seq"],
        unique=False,
        sqlite_where=sa.text("state IN ('waiting', 'pending', 'sending')"),
        postgresql_where=sa.text("state IN ('waiting', 'pending', 'sending')"),
    )
    op.create_index("ix_messages_transcript", "messages", ["lead_id", "line_id", "id"], unique=False)
    op.create_index(
        "ix_messages_trouble",
        "messages",
        ["account_id", "id"],
        unique=False,
        sqlite_where=sa.text("state IN ('failed', 'unknown')"),
        postgresql_where=sa.text("state IN ('failed', 'unknown')"),
    )
    op.create_table(
        "tool_calls",
        sa.Column("turn_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("arguments", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("state IN ('started', 'done', 'failed', 'unknown')", name=op.f("ck_tool_calls_state")),
        sa.ForeignKeyConstraint(
            ["account_id", "turn_id"], ["turns.account_id", "turns.id"], name=op.f("fk_tool_calls_account_id_turn_id")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_tool_calls_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tool_calls")),
        sa.UniqueConstraint("account_id", "id", name=op.f("uq_tool_calls_account_id_id")),
        sa.UniqueConstraint("turn_id", "number", name=op.f("uq_tool_calls_turn_id_number")),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    """Drop the tables, with all that is in them."""
    op.drop_table("tool_calls")
    op.drop_index(
        "ix_messages_trouble",
        table_name="messages",
        sqlite_where=sa.text("state IN ('failed', 'unknown')"),
        postgresql_where=sa.text("state IN ('failed', 'unknown')"),
    )
    op.drop_index("ix_messages_transcript", table_name="messages")
    op.drop_index(
        "ix_messages_open",
        table_name="messages",
        sqlite_where=sa.text("state IN ('waiting', 'pending', 'sending')"),
        postgresql_where=sa.text("state IN ('waiting', 'pending', 'sending')"),
    )
    op.drop_table("messages")
    op.drop_table("credit_entries")
    op.drop_index(op.f("ix_turns_account_id_conversation_id_id"), table_name="turns")
    op.drop_table("turns")
    op.drop_index(
        "uq_conversations_open",
        table_name="conversations",
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.drop_index(
        "ix_conversations_due_at",
        table_name="conversations",
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.drop_table("conversations")
    op.drop_table("strategy_versions")
    op.drop_table("lines")
    op.drop_table("identities")
    op.drop_table("strategies")
    op.drop_index(op.f("ix_leads_account_id_phone"), table_name="leads")
    op.drop_index(op.f("ix_leads_account_id_email"), table_name="leads")
    op.drop_table("leads")
    op.drop_table("accounts")
