"""Drafts of strategies; status, tags, own fields, search, merging and erasing of leads; archived conversations."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

from receptionist.migrations import fields_0003, words_0003

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_moment = sa.DateTime(timezone=True)
_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_json = sa.JSON()

_COLUMNS: dict[str, list[sa.Column[Any]]] = {
    "strategies": [
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("draft", _json, nullable=True),
        sa.Column("draft_revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("draft_by", sa.String(length=200), nullable=True),
        sa.Column("draft_at", _moment, nullable=True),
    ],
    "strategy_versions": [
        sa.Column("published_by", sa.String(length=200), nullable=True),
        sa.Column("note", sa.String(length=500), server_default="", nullable=False),
    ],
    "lines": [
        sa.Column(
            "fallback_text",
            sa.Text(),
            server_default="Thank you for your message. Somebody will get back to you.",
            nullable=False,
        ),
    ],
    "leads": [
        sa.Column("status", sa.String(length=40), server_default="new", nullable=False),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("timezone", sa.String(length=64), nullable=True),
        sa.Column("custom", _json, server_default="{}", nullable=False),
        sa.Column("strategy_id", _id, nullable=True),
        sa.Column("merged_into_id", _id, nullable=True),
        sa.Column("interaction_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("first_contact_at", _moment, nullable=True),
        sa.Column("last_contact_at", _moment, nullable=True),
        sa.Column("recent_at", _moment, server_default="1970-01-01 00:00:00.000000", nullable=False),
    ],
    "conversations": [
        sa.Column("archived_at", _moment, nullable=True),
        sa.Column("archived_by", sa.String(length=200), nullable=True),
        sa.Column("archived_from_strategy_id", _id, nullable=True),
        sa.Column("archived_to_strategy_id", _id, nullable=True),
        sa.Column("provider_memory", _json, nullable=True),
    ],
}

_COUNTED = """
UPDATE leads SET
    interaction_count = (SELECT count(*) FROM messages m WHERE m.lead_id = leads.id AND m.direction = 'in'),
    first_contact_at = (SELECT min(m.created_at) FROM messages m WHERE m.lead_id = leads.id AND m.direction = 'in'),
    last_contact_at = (SELECT max(m.created_at) FROM messages m WHERE m.lead_id = leads.id AND m.direction = 'in')
"""
_REFUSED = """
INSERT INTO consents (account_id, lead_id, channel, state, source, changed_at)
SELECT c.account_id, c.lead_id, l.channel, 'refused', 'message', max(c.opted_out_at)
FROM conversations c JOIN lines l ON l.id = c.line_id
WHERE c.opted_out_at IS NOT NULL GROUP BY c.account_id, c.lead_id, l.channel
"""
_SHARED = """
INSERT INTO identities (account_id, lead_id, kind, value, created_at)
SELECT account_id, max(id), 'shared:{kind}', {kind}, max(updated_at)
FROM leads WHERE {kind} IS NOT NULL GROUP BY account_id, {kind} HAVING count(*) > 1
"""
_COUNT = """
    UPDATE leads SET
        interaction_count = interaction_count + 1,
        first_contact_at = coalesce(first_contact_at, NEW.created_at),
        last_contact_at = NEW.created_at,
        recent_at = NEW.created_at
    WHERE id = NEW.lead_id;
"""
"""Done by the database for every message that comes in, so that it costs no statement and cannot be forgotten."""


def upgrade() -> None:
    """Add columns and tables, count what there is, and let the database count on."""
    for table, columns in _COLUMNS.items():
        for column in columns:
            op.add_column(table, column)
    _change_fields(fields_0003.upgraded)
    _create_tables()
    op.create_index(op.f("ix_conversations_account_id_lead_id"), "conversations", ["account_id", "lead_id"])
    for name, moment in (("wanting", "person_requested_at"), ("archived", "archived_at")):
        few = sa.text(f"{moment} IS NOT NULL")
        op.create_index(
            f"ix_conversations_{name}", "conversations", ["account_id", "id"], sqlite_where=few, postgresql_where=few
        )
    op.create_index(op.f("ix_identities_account_id_lead_id"), "identities", ["account_id", "lead_id"])
    op.create_index(op.f("ix_leads_account_id_recent_at_id"), "leads", ["account_id", "recent_at", "id"])
    op.create_index(
        op.f("ix_leads_account_id_status_recent_at_id"), "leads", ["account_id", "status", "recent_at", "id"]
    )
    own = sa.text("strategy_id IS NOT NULL")
    op.create_index(
        "ix_leads_own_strategy",
        "leads",
        ["account_id", "strategy_id", "recent_at", "id"],
        sqlite_where=own,
        postgresql_where=own,
    )
    op.execute(_COUNTED)
    op.execute("UPDATE leads SET recent_at = coalesce(last_contact_at, created_at)")
    op.execute(_REFUSED)
    _know_leads()
    _create_trigger()


def downgrade() -> None:
    """Take them away again."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER count_contact ON messages")
        op.execute("DROP FUNCTION count_contact()")
    else:
        op.execute("DROP TRIGGER count_contact")
    op.execute("DELETE FROM identities WHERE kind IN ('shared:email', 'shared:phone')")
    for name, table in (
        ("ix_leads_own_strategy", "leads"),
        ("ix_leads_account_id_status_recent_at_id", "leads"),
        ("ix_leads_account_id_recent_at_id", "leads"),
        ("ix_identities_account_id_lead_id", "identities"),
        ("ix_conversations_account_id_lead_id", "conversations"),
        ("ix_conversations_wanting", "conversations"),
        ("ix_conversations_archived", "conversations"),
    ):
        op.drop_index(name, table_name=table)
    for table in (
        "erased_messages",
        "erasures",
        "lead_merges",
        "consents",
        "status_changes",
        "lead_words",
        "lead_tags",
        "lead_fields",
    ):
        op.drop_table(table)
    _change_fields(fields_0003.downgraded)
    for table, columns in reversed(_COLUMNS.items()):
        for column in columns:
            op.drop_column(table, column.name)


def _change_fields(change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    versions = sa.table("strategy_versions", sa.column("id", _id), sa.column("fields", _json))
    connection = op.get_bind()
    for row in connection.execute(sa.select(versions)).all():
        fields = json.loads(row.fields) if isinstance(row.fields, str) else row.fields
        connection.execute(sa.update(versions).where(versions.c.id == row.id).values(fields=change(fields)))


def _know_leads() -> None:
    """Domains of e-mail addresses in small letters, words to find leads by, and addresses that two of them share."""
    leads = sa.table("leads", *map(sa.column, ("id", "account_id", "name", "email", "phone", "company")))
    identities = sa.table("identities", *map(sa.column, ("id", "account_id", "kind", "value")))
    connection = op.get_bind()
    for row in connection.execute(sa.select(identities).where(identities.c.kind == "email")).all():
        there = sa.select(identities.c.id).where(
            identities.c.account_id == row.account_id,
            identities.c.kind == "email",
            identities.c.value == words_0003.email(row.value),
        )
        if connection.execute(there).first() is None:
            mended = sa.update(identities).where(identities.c.id == row.id).values(value=words_0003.email(row.value))
            connection.execute(mended)
    last = 0
    while rows := connection.execute(sa.select(leads).where(leads.c.id > last).order_by(leads.c.id).limit(1000)).all():
        last = rows[-1].id
        for row in rows:
            if row.email and row.email != words_0003.email(row.email):
                mended = sa.update(leads).where(leads.c.id == row.id).values(email=words_0003.email(row.email))
                connection.execute(mended)
        found = [
            {"account_id": row.account_id, "lead_id": row.id, "word": word}
            for row in rows
            for word in words_0003.words_of(row.name, row.email, row.phone, row.company)
        ]
        if found:
            op.bulk_insert(sa.table("lead_words", *map(sa.column, ("account_id", "lead_id", "word"))), found)
    for kind in ("email", "phone"):
        op.execute(_SHARED.format(kind=kind))


def _create_trigger() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE FUNCTION count_contact() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {_COUNT} RETURN NULL; END $$"
        )
        op.execute(
            "CREATE TRIGGER count_contact AFTER INSERT ON messages FOR EACH ROW "
            "WHEN (NEW.direction = 'in') EXECUTE FUNCTION count_contact()"
        )
    else:
        op.execute(
            f"CREATE TRIGGER count_contact AFTER INSERT ON messages WHEN NEW.direction = 'in' BEGIN {_COUNT} END"
        )


def _create_tables() -> None:
    word = sa.String(80).with_variant(sa.String(80, collation="C"), "postgresql")
    _create("lead_fields", [_text("name", 40), _text("title", 120), _text("kind", 10), _choices(), _made()])
    _create("lead_tags", [_ref("lead_id"), _text("tag", 40)], leads=["lead_id"])
    _create("lead_words", [_ref("lead_id"), sa.Column("word", word, nullable=False)], leads=["lead_id"])
    _create(
        "status_changes",
        [_ref("lead_id"), _text("before", 40), _text("after", 40), _text("by", 200), _made()],
        leads=["lead_id"],
    )
    _create(
        "consents",
        [_ref("lead_id"), _text("channel", 40), _text("state", 10), _text("source", 200), _made("changed_at")],
        leads=["lead_id"],
    )
    _create(
        "lead_merges",
        [
            _ref("kept_id"),
            _ref("merged_id"),
            sa.Column("moved", _json, nullable=False),
            sa.Column("before", _json, nullable=False),
            _text("by", 200),
            _made(),
            sa.Column("undone_at", _moment, nullable=True),
        ],
        leads=["kept_id", "merged_id"],
    )
    _create(
        "erasures",
        [
            _ref("lead_id"),
            _text("by", 200),
            sa.Column("counts", _json, nullable=False),
            sa.Column("left", _json, nullable=False),
            sa.Column("tries", sa.Integer(), nullable=False),
            _made("due_at"),
            sa.Column("error", sa.Text(), nullable=True),
            _made(),
            sa.Column("done_at", _moment, nullable=True),
        ],
    )
    _create("erased_messages", [_ref("line_id"), _text("message_hash", 64), _made()], line_id="lines")
    _create_keys()


def _create_keys() -> None:
    for table, columns in (
        ("lead_tags", ["account_id", "tag", "lead_id"]),
        ("lead_words", ["account_id", "word", "lead_id"]),
        ("lead_words", ["account_id", "lead_id", "word"]),
        ("status_changes", ["account_id", "lead_id", "id"]),
        ("consents", ["account_id", "state", "lead_id"]),
        ("lead_merges", ["account_id", "kept_id"]),
        ("lead_merges", ["account_id", "merged_id"]),
        ("erased_messages", ["line_id", "message_hash"]),
        ("erased_messages", ["line_id", "created_at"]),
    ):
        op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns)
    open_ones = sa.text("done_at IS NULL")
    op.create_index("ix_erasures_open", "erasures", ["id"], sqlite_where=open_ones, postgresql_where=open_ones)


_UNIQUE = {
    "lead_fields": ["account_id", "name"],
    "lead_tags": ["account_id", "lead_id", "tag"],
    "consents": ["account_id", "lead_id", "channel"],
}
_CHECKS = {
    "lead_fields": ("kind", "kind IN ('text', 'number', 'date', 'yes_no', 'choice')"),
    "consents": ("state", "state IN ('granted', 'refused')"),
}


def _create(table: str, columns: list[sa.Column[Any]], leads: list[str] | None = None, **others: str) -> None:
    """`leads`: columns that refer to leads; `others`: the table that another column refers to."""
    targets = dict.fromkeys(leads or (), "leads") | others
    rest: list[sa.Constraint] = [
        sa.ForeignKeyConstraint(
            ["account_id", column],
            [f"{target}.account_id", f"{target}.id"],
            name=op.f(f"fk_{table}_account_id_{column}"),
        )
        for column, target in targets.items()
    ]
    rest += [
        sa.UniqueConstraint(*unique, name=op.f(f"uq_{table}_{'_'.join(unique)}"))
        for unique in (["account_id", "id"], _UNIQUE.get(table))
        if unique
    ]
    if table in _CHECKS:
        name, condition = _CHECKS[table]
        rest.append(sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}")))
    op.create_table(
        table,
        *columns,
        sa.Column("id", _id, nullable=False),
        sa.Column("account_id", _id, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f(f"fk_{table}_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        *rest,
        sqlite_autoincrement=True,
    )


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False)


def _ref(name: str) -> sa.Column[int]:
    return sa.Column(name, _id, nullable=False)


def _made(name: str = "created_at") -> sa.Column[Any]:
    return sa.Column(name, _moment, nullable=False)


def _choices() -> sa.Column[Any]:
    return sa.Column("choices", _json, server_default="[]", nullable=False)
