"""Conversations as a person looks at them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from receptionist.db import AnyRow, Scope, db_now
from receptionist.errors import LineError
from receptionist.models import Conversation, Lead, Line, Message

PAGE = 50


def listed(
    scope: Scope,
    *,
    wants_person: bool = False,
    phone: str | None = None,
    before: int | None = None,
    limit: int = PAGE,
) -> list[AnyRow]:
    """Conversations, the newest first, with lead and line; `phone` in E.164, `before` an id for the next page."""
    statement = _with_names(scope).order_by(Conversation.id.desc()).limit(limit)
    if wants_person:
        statement = statement.where(Conversation.person_requested_at.is_not(None))
    if phone is not None:
        statement = statement.where(Lead.phone == phone)
    if before is not None:
        statement = statement.where(Conversation.id < before)
    return scope.all(statement)


def find(scope: Scope, conversation_id: int) -> AnyRow:
    """One conversation with lead and line; `with_person`: a person has it now. Raises `LineError`."""
    row = scope.first(_with_names(scope).where(Conversation.id == conversation_id))
    if row is None:
        raise LineError(f"There is no conversation {conversation_id}.")
    return row


def messages(scope: Scope, conversation_id: int, *, limit: int = 200) -> list[AnyRow]:
    """The newest messages of a conversation, oldest first."""
    statement = scope.select(Message).where(Message.conversation_id == conversation_id)
    return scope.all(statement.order_by(Message.seq.desc()).limit(limit))[::-1]


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
        Conversation.line_id,
        Line.title.label("line"),
        Lead.name,
        Lead.phone,
        Lead.email,
    )
    return (
        scope.select(Conversation, *columns)
        .join(Lead, sa.and_(Lead.account_id == Conversation.account_id, Lead.id == Conversation.lead_id))
        .join(Line, sa.and_(Line.account_id == Conversation.account_id, Line.id == Conversation.line_id))
    )
