"""What the next turn of a customer on a line would be about, for those who want to see it before it comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from receptionist.db import Scope
from receptionist.errors import LineError
from receptionist.models import Conversation, Lead
from receptionist.services.conversations import conversations, sessions
from receptionist.services.conversations.sessions import SessionState
from receptionist.services.leads import leads


@dataclass(frozen=True, slots=True)
class NextTurn:
    """`lead` and `conversation` as plain values, as a turn gets them; `message`: what waits for an answer now;
    `session`: goals and what else the conversation keeps between its turns."""

    line_id: int | None
    lead: Mapping[str, Any]
    conversation: Mapping[str, Any]
    message: str
    session: SessionState


def next_turn(scope: Scope, lead_id: int, line_id: int | None) -> NextTurn:
    """The turn that would come on this line; None: where the lead wrote last. Raises `LineError`."""
    row = scope.first(scope.select(Lead, Lead.interaction_count).where(Lead.id == lead_id))
    if row is None:
        raise LineError(f"There is no lead {lead_id}.")
    about: dict[str, Any] = {"id": 0, "first_reply": True, "interaction_count": row.interaction_count}
    statement = scope.select(Conversation, Conversation.id, Conversation.line_id).where(
        Conversation.lead_id == lead_id, Conversation.state == "open"
    )
    if line_id is not None:
        statement = statement.where(Conversation.line_id == line_id)
    found = scope.first(statement.order_by(Conversation.last_message_at.desc(), Conversation.id.desc()).limit(1))
    waiting: list[str] = []
    session = SessionState()
    if found is not None:
        messages = conversations.messages(scope, found.id)
        heard = [each for each in messages if each.direction == "out" and each.state not in ("failed", "suppressed")]
        waiting = [each.text for each in messages if each.state == "waiting"]
        about |= {"id": found.id, "first_reply": not heard}
        line_id = found.line_id
        session = sessions.load(scope, found.id)
    return NextTurn(line_id, leads.get(scope, lead_id), about, "\n".join(waiting), session)
