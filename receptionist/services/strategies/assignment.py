"""Which strategy answers whom: on a line, or one customer alone. Who gets another one begins a new conversation."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from receptionist.db import Scope, db_now
from receptionist.errors import LineError
from receptionist.models import Conversation, Lead, Line, Strategy
from receptionist.services import accounts


def use_on_line(scope: Scope, strategy_id: int, line_id: int, by: str) -> list[int]:
    """Let a line answer with this strategy; returns the open conversations that were archived for it.

    Those of leads with a strategy of their own go on. Raises `LineError` if the line or the strategy is not there,
    or the strategy may not answer.
    """
    require_usable(scope, strategy_id)
    _lock_open(scope, Conversation.line_id == line_id)
    line = scope.first(scope.select(Line).where(Line.id == line_id).with_for_update(key_share=True))
    if line is None:
        raise LineError(f"There is no line {line_id}.")
    if line.strategy_id == strategy_id:
        return []
    scope.run(scope.update(Line).where(Line.id == line_id).values(strategy_id=strategy_id))
    accounts.touch(scope)
    own = scope.select(Lead, Lead.id).where(Lead.id == Conversation.lead_id, Lead.strategy_id.is_not(None)).exists()
    return _archive(scope, (Conversation.line_id == line_id, ~own), line.strategy_id, strategy_id, by)


def give_lead(scope: Scope, lead_id: int, strategy_id: int | None, by: str) -> list[int]:
    """Let this strategy answer a lead on every line; None: the line's again. Returns the conversations that were
    archived for it. Raises `LineError` as `use_on_line` does."""
    if strategy_id is not None:
        require_usable(scope, strategy_id)
    _lock_open(scope, Conversation.lead_id == lead_id)
    lead = scope.first(scope.select(Lead).where(Lead.id == lead_id).with_for_update(key_share=True))
    if lead is None:
        raise LineError(f"There is no lead {lead_id}.")
    if lead.strategy_id == strategy_id:
        return []
    scope.run(
        scope.update(Lead)
        .where(Lead.id == lead_id)
        .values(strategy_id=strategy_id, version=Lead.version + 1, updated_at=db_now())
    )
    lines = scope.all(scope.select(Line, Line.id, Line.strategy_id))
    return [
        conversation_id
        for line in lines
        for conversation_id in _archive(
            scope,
            (Conversation.lead_id == lead_id, Conversation.line_id == line.id),
            lead.strategy_id or line.strategy_id,
            strategy_id or line.strategy_id,
            by,
        )
    ]


def require_usable(scope: Scope, strategy_id: int) -> None:
    """Raises `LineError` if the account has no such strategy, or it may not answer."""
    row = scope.first(scope.select(Strategy).where(Strategy.id == strategy_id))
    if row is None:
        raise LineError(f"There is no strategy {strategy_id}.")
    if row.published_number is None:
        raise LineError(f"The strategy {row.name} has no published version; publish one first.")
    if not row.active:
        raise LineError(f"The strategy {row.name} is not active; activate it first.")


def _lock_open(scope: Scope, which: sa.ColumnElement[bool]) -> None:
    """Lock the open conversations before their line or lead, as whoever takes in or answers does: no deadlock."""
    open_ones = scope.select(Conversation, Conversation.id).where(which, Conversation.state == "open")
    scope.all(open_ones.order_by(Conversation.id).with_for_update())


def _archive(
    scope: Scope, which: tuple[sa.ColumnElement[bool], ...], before: int | None, after: int | None, by: str
) -> list[int]:
    """Archive open conversations at once, or when their last work is done; nothing that waits is left behind."""
    if before == after:
        return []
    busy = sa.or_(Conversation.due_at.is_not(None), Conversation.lease_owner.is_not(None))
    values: dict[str, Any] = {
        "archived_at": db_now(),
        "archived_by": by[:200],
        "archived_from_strategy_id": before,
        "archived_to_strategy_id": after,
        "person_due_at": None,  # nobody is told in a conversation that is over
        "state": sa.case((busy, "open"), else_="archived"),
    }
    statement = (
        scope.update(Conversation)
        .where(*which, Conversation.state == "open", Conversation.archived_at.is_(None))
        .values(**values)
    )
    return list(scope.connection.execute(statement.returning(Conversation.id)).scalars())
