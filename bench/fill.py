"""Fills a prepared installation with people of the large demo: `python -m bench.fill <messages>`."""

from __future__ import annotations

import sys
from calendar import monthrange
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from bench.apps import LINE
from receptionist.config import find_instance_path
from receptionist.core import assemble
from receptionist.db import Scope, db_now
from receptionist.models import Conversation, Lead, Line, Task, Turn, UsageDay, UsageMonth, table
from receptionist.services.demo import large_demo
from receptionist.services.demo.demo_rows import Town
from receptionist.services.leads import lead_addresses, lead_fields
from receptionist.services.leads.leads import channel_kind

PER_LEAD = 10
KINDS = ("callback", "claim", "message")
"""No task is of the fourth kind: to look for one is to find none among many."""
ALIKE = 300
"""Leads that wrote an address which is another one's."""


def main(messages: int) -> None:
    """Store so many messages, of a tenth as many leads, and what such a business has besides."""
    parts, _ = assemble(find_instance_path())
    with parts.database.read() as connection:
        line = connection.execute(Line.__table__.select().where(Line.key == LINE)).one()
    town = Town(line.account_id, line.id, channel_kind(line.channel), line.strategy_id)
    size = large_demo.Size(messages // PER_LEAD, messages)
    large_demo.fill(parts.database, town, size, lambda done, total: None)
    with parts.database.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL statement_timeout = '300s'")
        scope = Scope(connection, town.account_id)
        _tasks(scope)
        _usage(scope)
        _alike(scope)
        for number in range(8):
            lead_fields.add(scope, f"field_{number}", "text")
    parts.database.analyze()
    parts.database.dispose()


def _tasks(scope: Scope) -> None:
    """A task of every tenth conversation, nine of ten of them done."""
    columns = ("account_id", "conversation_id", "lead_id", "kind", "text", "done_at", "done_by", "created_at")
    talk = table(Conversation).c
    kind = sa.case(*((talk.id % 30 == 10 * number, name) for number, name in enumerate(KINDS[1:], 1)), else_=KINDS[0])
    done = talk.id % 100 != 0
    values: list[Any] = [talk.account_id, talk.id, talk.lead_id, kind, sa.literal("Please call about the brakes.")]
    values += [sa.case((done, db_now())), sa.case((done, "Ann")), talk.created_at]
    some = sa.select(*values).where(talk.account_id == scope.account_id, talk.id % 10 == 0)
    scope.connection.execute(sa.insert(Task).from_select(columns, some.order_by(talk.id)))


def _usage(scope: Scope) -> None:
    """What the turns add up to, day by day."""
    turn, talk = table(Turn).c, table(Conversation).c
    for kind, subject in (("lead", talk.lead_id), ("line", talk.line_id), ("account", talk.account_id)):
        day = sa.func.date(turn.started_at).label("day")
        tokens = sa.func.sum(turn.input_tokens + turn.output_tokens)
        sums = (sa.func.count(), tokens, tokens * 2)
        days = (
            sa.select(turn.account_id, day, sa.literal(kind), subject, *sums)
            .join(table(Conversation), (talk.account_id == turn.account_id) & (talk.id == turn.conversation_id))
            .where(turn.account_id == scope.account_id)
            .group_by(turn.account_id, day, subject)
        )
        columns = ("account_id", "day", "kind", "subject_id", "turns", "tokens", "cost")
        scope.connection.execute(sa.insert(UsageDay).from_select(columns, days))
    _months(scope)


def _months(scope: Scope) -> None:
    """What the days of leads add up to, month by month."""
    day = table(UsageDay).c
    used = sa.select(day.day).where(day.account_id == scope.account_id, day.kind == "account")
    for month in sorted({each.replace(day=1) for each in scope.connection.execute(used).scalars()}):
        sums = [sa.func.sum(day[name]) for name in ("turns", "tokens", "cost")]
        within = day.day.between(month, month.replace(day=monthrange(month.year, month.month)[1]))
        leads = (
            sa.select(day.account_id, day.subject_id, sa.literal(month), *sums)
            .where(day.account_id == scope.account_id, day.kind == "lead", within)
            .group_by(day.account_id, day.subject_id)
        )
        columns = ("account_id", "lead_id", "month", "turns", "tokens", "cost")
        scope.connection.execute(sa.insert(UsageMonth).from_select(columns, leads))


def _alike(scope: Scope) -> None:
    """Some wrote an e-mail address that is the next one's."""
    rows = scope.all(
        scope.select(Lead, Lead.id, Lead.email).where(Lead.email.is_not(None)).order_by(Lead.id).limit(ALIKE + 1)
    )
    for mine, next_one in pairwise(rows):
        lead_addresses.note_shared(scope, mine.id, "email", next_one.email)


if __name__ == "__main__":
    main(int(sys.argv[1]))
