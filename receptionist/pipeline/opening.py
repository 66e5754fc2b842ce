"""A lead's conversation on a line, begun where there is none: by who takes in, and by who writes first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from receptionist.db import Scope, db_now, prepared
from receptionist.models import Conversation, table
from receptionist.pipeline.loops import GUARD
from receptionist.services.conversations import sessions, stretches
from receptionist.services.leads import leads

conversations = table(Conversation)

_of_lead = (conversations.c.line_id == sa.bindparam("b_line"), conversations.c.lead_id == sa.bindparam("b_lead"))

OPEN = prepared(
    sa.select(conversations.c.id).where(*_of_lead, conversations.c.state == sa.literal_column("'open'")), conversations
)

LAST = prepared(
    sa.select(
        conversations.c.person,
        conversations.c.person_until,
        sa.case((conversations.c.person_until > db_now(), True), else_=False).label("has_it"),
    )
    .where(*_of_lead)
    .order_by(conversations.c.id.desc())
    .limit(1),
    conversations,
)


class Moved(Exception):
    """The lead was merged or erased, or its conversation archived, since it was looked up: look again."""


def open_conversation(scope: Scope, line_id: int, lead_id: int, address: str, opted_out: Callable[[], bool]) -> int:
    """The lead's open conversation on the line, made if there is none: a lead may write from a second address.

    `opted_out` is asked once nobody can refuse messages unseen. Raises `Moved`, or `IntegrityError` if another process
    makes it just now."""
    known = scope.execute(OPEN, b_line=line_id, b_lead=lead_id).scalar()
    if known is None and not leads.hold(scope, lead_id):
        raise Moved
    out = opted_out()
    if known is not None:
        return int(known)
    person = _with_person(scope, line_id, lead_id)
    conversation_id = begin_conversation(scope, line_id, lead_id, address, opted_out=out, **person)
    if person and person["person"] != GUARD:  # the agent is to know it, also where they write nothing here
        until = person["person_until"]
        sessions.change(scope, conversation_id, lambda state: stretches.taken_until(state, 1, until))
    return conversation_id


def begin_conversation(
    scope: Scope, line_id: int, lead_id: int, address: str, *, opted_out: bool, **person: object
) -> int:
    """A new conversation, for who knows that there is none; returns its id."""
    values = {"lead_id": lead_id, "line_id": line_id, "address": address, **person}
    return scope.insert(Conversation, opted_out_at=db_now() if opted_out else None, **values)


def _with_person(scope: Scope, line_id: int, lead_id: int) -> dict[str, Any]:
    """Who has the lead's last conversation on the line just now, and so the new one too."""
    row = scope.execute(LAST, b_line=line_id, b_lead=lead_id).first()
    return {"person": row.person, "person_until": row.person_until} if row and row.has_it else {}
