"""Conversations as a person looks at them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from receptionist.db import AnyRow, Scope, db_now
from receptionist.errors import LineError
from receptionist.models import Conversation, Lead, Line, Message, Strategy

PAGE = 50
MOST_OF_ONE_PHONE = 100
"""Leads with one phone number whose conversations are listed."""
ENDED = "the agent: "
"""Before the reason why the agent itself archived a conversation, in `archived_by`."""


def listed(
    scope: Scope,
    *,
    wants_person: bool = False,
    archived: bool = False,
    phone: str | None = None,
    lead_id: int | None = None,
    before: int | None = None,
    limit: int = PAGE,
) -> list[AnyRow]:
    """Conversations, the newest first, with lead and line; `phone` in E.164, `before` an id for the next page.

    `archived`: only those that are archived, or will be when their last work is done."""
    statement = _with_names(scope).order_by(Conversation.id.desc()).limit(limit)
    if wants_person:
        statement = statement.where(Conversation.person_requested_at.is_not(None))
    if archived:
        statement = statement.where(Conversation.archived_at.is_not(None))
    if phone is not None:  # by the index of phones: with few hits, or none, the newest first would be a long way
        found = scope.all(scope.select(Lead, Lead.id).where(Lead.phone == phone).limit(MOST_OF_ONE_PHONE))
        if not found:
            return []
        statement = statement.where(Conversation.lead_id.in_([row.id for row in found]))
    if lead_id is not None:
        statement = statement.where(Conversation.lead_id == lead_id)
    if before is not None:
        statement = statement.where(Conversation.id < before)
    return scope.all(statement)


def find(scope: Scope, conversation_id: int) -> AnyRow:
    """One conversation with lead and line. Raises `LineError`.

    `with_person`: a person has it now; `archived_from` and `archived_to` are names of strategies."""
    row = scope.first(_with_names(scope).where(Conversation.id == conversation_id))
    if row is None:
        raise LineError(f"There is no conversation {conversation_id}.")
    return row


def newer(scope: Scope, conversation: AnyRow) -> int | None:
    """The open conversation in which the customer of this archived one, a row of `find`, goes on; None while there is
    none, or this one is open itself."""
    if conversation.state != "archived":
        return None
    its = [getattr(Conversation, name) == getattr(conversation, name) for name in ("lead_id", "line_id")]
    row = scope.first(scope.select(Conversation, Conversation.id).where(*its, Conversation.state == "open"))
    return int(row.id) if row else None


def messages(scope: Scope, conversation_id: int, *, limit: int = 200) -> list[AnyRow]:
    """The newest messages of a conversation, oldest first."""
    statement = scope.select(Message).where(Message.conversation_id == conversation_id)
    return scope.all(statement.order_by(Message.seq.desc()).limit(limit))[::-1]


def end(scope: Scope, conversation_id: int, reason: str) -> bool:
    """The agent ends a conversation: it is archived when its last work is done. One that is to be archived already
    stays as it is: False."""
    statement = scope.update(Conversation).where(Conversation.id == conversation_id, Conversation.archived_at.is_(None))
    ended = {"archived_at": db_now(), "archived_by": (ENDED + reason)[:200], "person_due_at": None}
    return scope.run(statement.values(**ended)) > 0


def _with_names(scope: Scope) -> sa.Select[Any]:
    columns = (
        Conversation.id,
        Conversation.address,
        Conversation.state,
        Conversation.last_message_at,
        Conversation.person_requested_at,
        Conversation.person_reason,
        Conversation.person,
        Conversation.person_until,
        sa.case((Conversation.person_until > db_now(), True), else_=False).label("with_person"),
        Conversation.opted_out_at,
        Conversation.archived_at,
        Conversation.archived_by,
        _name_of(Conversation.archived_from_strategy_id).label("archived_from"),
        _name_of(Conversation.archived_to_strategy_id).label("archived_to"),
        Conversation.line_id,
        Conversation.lead_id,
        Line.title.label("line"),
        Lead.name,
        Lead.phone,
        Lead.email,
        Lead.strategy_id.label("own_strategy_id"),
    )
    return (  # outer joins, though both are always there: SQLite begins with the conversations then, in their order
        scope.select(Conversation, *columns)
        .outerjoin(Lead, sa.and_(Lead.account_id == Conversation.account_id, Lead.id == Conversation.lead_id))
        .outerjoin(Line, sa.and_(Line.account_id == Conversation.account_id, Line.id == Conversation.line_id))
    )


def _name_of(strategy_id: Any) -> sa.ScalarSelect[Any]:
    own = (Strategy.account_id == Conversation.account_id, Strategy.id == strategy_id)
    return sa.select(Strategy.name).where(*own).scalar_subquery()
