"""Fills a prepared installation with answered messages: `python -m bench.fill <messages>`."""

from __future__ import annotations

import sys

import sqlalchemy as sa

from bench.apps import LINE
from receptionist.config import Config, CoreSettings, find_instance_path
from receptionist.core import database_url
from receptionist.db import Database

PER_CONVERSATION = 50
_SQLITE = "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) SELECT i FROM n) AS n"
_POSTGRESQL = "generate_series(1, {count}) AS n(i)"
LEADS = (
    "INSERT INTO leads (id, account_id, notes, created_at, updated_at) "
    "SELECT i, {account}, '', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP FROM {source}"
)
IDENTITIES = (
    "INSERT INTO identities (account_id, lead_id, kind, value, created_at) "
    "SELECT {account}, i, 'channel:bench', 'old-' || i, CURRENT_TIMESTAMP FROM {source}"
)
CONVERSATIONS = (
    "INSERT INTO conversations (id, account_id, lead_id, line_id, address, state, next_seq, fence, attempts, "
    "created_at, last_message_at) SELECT i, {account}, i, {line}, 'old-' || i, 'open', {per} + 1, 0, 0, "
    "CURRENT_TIMESTAMP, CURRENT_TIMESTAMP FROM {source}"
)
MESSAGES = (
    "INSERT INTO messages (account_id, conversation_id, lead_id, line_id, seq, direction, address, author, kind, "
    "text, state, provider_message_id, attempts, created_at) "
    "SELECT {account}, (i - 1) / {per} + 1, (i - 1) / {per} + 1, {line}, i - (i - 1) / {per} * {per}, "
    "CASE i - i / 2 * 2 WHEN 1 THEN 'in' ELSE 'out' END, 'old-' || ((i - 1) / {per} + 1), "
    "CASE i - i / 2 * 2 WHEN 1 THEN 'customer' ELSE 'agent' END, 'text', "
    "'Are you open on Monday? We are, from nine to six.', "
    "CASE i - i / 2 * 2 WHEN 1 THEN 'answered' ELSE 'sent' END, 'old-' || i, 1, CURRENT_TIMESTAMP FROM {source}"
)


def main(messages: int) -> None:
    """Store them, in conversations of 50."""
    path = find_instance_path()
    database = Database(database_url(Config(path).read(CoreSettings), path))
    leads = messages // PER_CONVERSATION
    with database.begin() as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        line = connection.execute(sa.text("SELECT id, account_id FROM lines WHERE key = :key"), {"key": LINE}).one()
        for statement, count in ((LEADS, leads), (IDENTITIES, leads), (CONVERSATIONS, leads), (MESSAGES, messages)):
            source = _SQLITE if database.is_sqlite else _POSTGRESQL
            values = {"account": line.account_id, "line": line.id, "per": PER_CONVERSATION}
            connection.exec_driver_sql(statement.format(source=source.format(count=count), **values))
        if not database.is_sqlite:
            for table in ("leads", "conversations"):
                connection.exec_driver_sql(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {leads})")
        connection.exec_driver_sql("ANALYZE")
    database.dispose()


if __name__ == "__main__":
    main(int(sys.argv[1]))
