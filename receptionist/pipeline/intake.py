"""Step 3: take customers' messages in, in one transaction, before the sender hears 2xx."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog

from receptionist.contracts.channel import Inbound, Line, LiveEvent, Taken
from receptionist.contracts.edits import EditableMessage
from receptionist.contracts.events import MessageTaken
from receptionist.db import AnyRow, Scope, db_now
from receptionist.models import Conversation, Identity, Lead, Message
from receptionist.parts import Parts
from receptionist.services import leads

log = structlog.get_logger()


class Intake:
    """Stores inbound messages: lead, identity, conversation, `seq` and message, committed together."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def take_in(self, line: Line, messages: Sequence[Inbound]) -> list[Taken]:
        """Store each message once. When this returns, all of them are committed; a message that was stored
        before is reported as a duplicate. Raises `Unavailable` with nothing stored."""
        edited = [self._edit(line, message) for message in messages]
        found = {message.sender.address: self._find_lead(line, message) for message in messages}
        with self._parts.database.begin(durable=True) as connection:
            scope = Scope(connection, line.account_id)
            taken = [self._one(scope, line, message, found[message.sender.address]) for message in edited]
        for message, row in zip(edited, taken, strict=True):
            if not row.duplicate:
                self._tell(line, message, row)
        return taken

    def _edit(self, line: Line, message: Inbound) -> Inbound:
        editable = EditableMessage(message.text, message.kind, message.sender.address)
        for _ in self._parts.plugins.each("edit_message", message=editable, line=line):
            pass
        return Inbound(message.provider_message_id, message.sender, str(editable.text), message.kind, message.sent_at)

    def _find_lead(self, line: Line, message: Inbound) -> int | None:
        """Ask plugins whose address this is; outside the transaction, and only for an unknown address."""
        with self._parts.database.read() as connection:
            scope = Scope(connection, line.account_id)
            if _identity(scope, line.channel, message.sender.address) is not None:
                return None
        found = self._parts.plugins.first("find_lead", inbound=message, line=line, host=self._parts.host)
        if found is None or self._is_lead(line, found):
            return found
        log.warning("found_no_lead", line=line.id, lead=found)  # a plugin's mistake must not refuse the message
        return None

    def _is_lead(self, line: Line, lead_id: Any) -> bool:
        with self._parts.database.read() as connection:
            scope = Scope(connection, line.account_id)
            return isinstance(lead_id, int) and bool(scope.first(scope.select(Lead, Lead.id).where(Lead.id == lead_id)))

    def _one(self, scope: Scope, line: Line, message: Inbound, lead_id: int | None) -> Taken:
        conversation = _look(scope, line, message)
        if conversation is not None and conversation.message_id is not None:
            return Taken(
                conversation.message_id,
                message.provider_message_id,
                conversation.message_conversation_id,
                True,
                conversation.message_at,
            )
        if conversation is None:
            lead_id = _make_lead(scope, line, message, lead_id)
            conversation_id = None
        else:
            lead_id, conversation_id = conversation.lead_id, conversation.id
        if conversation_id is None:
            conversation_id = scope.insert(
                Conversation, lead_id=lead_id, line_id=line.id, address=message.sender.address
            )
        seq = _next_seq(scope, conversation_id)
        row = _insert(scope, line, message, lead_id, conversation_id, seq)
        return Taken(row.id, message.provider_message_id, conversation_id, False, row.created_at)

    def _tell(self, line: Line, message: Inbound, row: Taken) -> None:
        data = transcript_data(row.message_id, "in", message.text, row.at, message.provider_message_id, "customer")
        self._parts.bus.publish((line.id, message.sender.address), LiveEvent("message", data))
        self._parts.emit(MessageTaken(line.account_id, row.conversation_id, row.message_id))


def transcript_data(
    message_id: int, direction: str, text: str, at: datetime, provider_message_id: str | None, author: str
) -> dict[str, Any]:
    """A recorded message as live events carry it: the fields of `TranscriptMessage`, the time in ISO 8601."""
    return {
        "id": message_id,
        "direction": direction,
        "text": text,
        "at": at.isoformat(),
        "provider_message_id": provider_message_id,
        "author": author,
    }


def _identity(scope: Scope, channel: str, address: str) -> AnyRow | None:
    return scope.first(
        scope.select(Identity, Identity.lead_id).where(Identity.kind == channel, Identity.value == address)
    )


def _look(scope: Scope, line: Line, message: Inbound) -> AnyRow | None:
    """Lead, open conversation and a stored copy of the message, in one look; None for a new address.

    A lead may write from several addresses; each has its own conversation, for the reply goes where the message
    came from.
    """
    stored = sa.orm.aliased(Message)
    statement = (
        scope.select(
            Identity,
            Identity.lead_id,
            Conversation.id,
            stored.id.label("message_id"),
            stored.conversation_id.label("message_conversation_id"),
            stored.created_at.label("message_at"),
        )
        .outerjoin(
            Conversation,
            sa.and_(
                Conversation.line_id == line.id,
                Conversation.lead_id == Identity.lead_id,
                Conversation.address == message.sender.address,
                Conversation.state == "open",
            ),
        )
        .outerjoin(
            stored,
            sa.and_(stored.line_id == line.id, stored.provider_message_id == message.provider_message_id),
        )
        .where(Identity.kind == line.channel, Identity.value == message.sender.address)
    )
    return scope.first(statement)


def _make_lead(scope: Scope, line: Line, message: Inbound, lead_id: int | None) -> int:
    if lead_id is None:
        lead_id = leads.create(scope, message.sender)
    leads.add_identities(scope, lead_id, line.channel, message.sender)
    return lead_id


def _next_seq(scope: Scope, conversation_id: int) -> int:
    """Take the next number; on PostgreSQL this also locks the conversation, so commits keep the order."""
    statement = (
        scope.update(Conversation)
        .where(Conversation.id == conversation_id)
        .values(
            next_seq=Conversation.next_seq + 1,
            last_message_at=db_now(),
            due_at=sa.func.coalesce(Conversation.due_at, db_now()),
        )
        .returning(Conversation.next_seq)
    )
    return int(scope.connection.execute(statement).scalar_one()) - 1


def _insert(scope: Scope, line: Line, message: Inbound, lead_id: int, conversation_id: int, seq: int) -> AnyRow:
    statement = (
        sa.insert(Message)
        .values(
            account_id=scope.account_id,
            conversation_id=conversation_id,
            lead_id=lead_id,
            line_id=line.id,
            seq=seq,
            direction="in",
            author="customer",
            kind=message.kind,
            text=message.text,
            state="waiting",
            provider_message_id=message.provider_message_id,
            sent_at=message.sent_at,
        )
        .returning(Message.id, Message.created_at)
    )
    return scope.connection.execute(statement).one()
