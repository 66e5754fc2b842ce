"""The floor's tables and engine; SQLite as the product runs it: write-ahead log, one immediate writer."""

from __future__ import annotations

import os
from typing import Any

import sqlalchemy as sa

metadata = sa.MetaData()
strategies = sa.Table(
    "strategies", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("fields", sa.JSON, nullable=False)
)
messages = sa.Table(
    "messages",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("sender", sa.String(320), nullable=False),
    sa.Column("provider_id", sa.String(400)),
    sa.Column("direction", sa.String(3), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now()),
    sa.Index("ix_messages_sender", "sender", "id"),
)

INSERT = sa.insert(messages).returning(messages.c.id)


def make_engine() -> sa.Engine:
    """One per process, made after fork."""
    url = os.environ["FLOOR_DATABASE_URL"]
    if not url.startswith("sqlite"):
        return sa.create_engine(url, pool_size=16, max_overflow=112)
    engine = sa.create_engine(url, connect_args={"timeout": 10, "check_same_thread": False})
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
