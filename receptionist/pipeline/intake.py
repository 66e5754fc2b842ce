"""Step 3: take customers' messages in, in one transaction, before the sender hears 2xx."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import IntegrityError

from receptionist.contracts.channel import Inbound, Line, LiveEvent, Taken
from receptionist.contracts.edits import EditableMessage
from receptionist.contracts.events import MessageTaken
from receptionist.db import AnyRow, Scope, db_now, prepared
from receptionist.errors import Invalid
from receptionist.models import Conversation, Identity, Lead, Message, table
from receptionist.parts import Parts
from receptionist.services import leads
from receptionist.text import storable

log = structlog.get_logger()

MAX_CONFLICTS = 3
"""Times a batch is begun anew because another process stored the same at the same moment."""

identities, conversations, messages = table(Identity), table(Conversation), table(Message)

_one_row = sa.select(sa.literal(1).label("one")).subquery()
_account: sa.BindParameter[int] = sa.bindparam("b_account")

LOOK = (
    sa.select(
        identities.c.lead_id,
        conversations.c.id.label("conversation_id"),
        messages.c.id.label("message_id"),
        messages.c.conversation_id.label("holds_message"),
        messages.c.created_at.label("message_at"),
    )
    .select_from(_one_row)
    .outerjoin(
        identities,
        sa.and_(
            identities.c.account_id == _account,
            identities.c.kind == sa.bindparam("b_kind"),
            identities.c.value == sa.bindparam("b_address"),
        ),
    )
    .outerjoin(
        conversations,
        sa.and_(
            conversations.c.account_id == _account,
            conversations.c.line_id == sa.bindparam("b_line"),
            conversations.c.lead_id == identities.c.lead_id,
            conversations.c.state == sa.literal_column("'open'"),  # literal, so that the partial index is used
        ),
    )
    .outerjoin(
        messages,
        sa.and_(
            messages.c.account_id == _account,
            messages.c.line_id == sa.bindparam("b_line"),
            messages.c.direction == "in",
            messages.c.provider_message_id == sa.bindparam("b_provider_message_id"),
        ),
    )
)
"""Lead, open conversation and a stored copy of the message, in one look: always one row, null for what is not there."""

NEXT_SEQ = prepared(
    sa.update(conversations)
    .where(conversations.c.id == sa.bindparam("b_conversation"))
    .values(
        next_seq=conversations.c.next_seq + 1,
        address=sa.bindparam("b_address"),  # a reply goes where the customer wrote from last
        last_message_at=db_now(),
        due_at=sa.func.coalesce(conversations.c.due_at, db_now()),
    )
    .returning(conversations.c.next_seq),
    conversations,
)
"""Takes the next number; on PostgreSQL this also locks the conversation, so commits keep the order."""

INSERT = sa.insert(messages).returning(messages.c.id, messages.c.created_at)


class _NewAddress(Exception):
    """Nobody with this address is known: plugins are asked first, outside the transaction."""

    def __init__(self, message: Inbound) -> None:
        self.message = message


class Intake:
    """Stores inbound messages: lead, identity, conversation, `seq` and message, committed together."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def take_in(self, line: Line, messages: Sequence[Inbound]) -> list[Taken]:
        """Store each message once. When this returns, all of them are committed; a message that was stored
        before is reported as a duplicate. Raises `Unavailable` when that is not sure: the sender tries again."""
        edited = [self._edit(line, message) for message in messages]
        taken = self._store(line, edited)
        for message, row in zip(edited, taken, strict=True):
            if not row.duplicate:
                self._tell(line, message, row)
        return taken

    def _store(self, line: Line, messages: Sequence[Inbound]) -> list[Taken]:
        leads_found: dict[str, int | None] = {}
        conflicts = 0
        while True:
            try:
                with self._parts.database.begin(durable=True) as connection:
                    scope = Scope(connection, line.account_id)
                    return [self._one(scope, line, message, leads_found) for message in messages]
            except _NewAddress as new:
                leads_found[new.message.sender.address] = self._find_lead(line, new.message)
            except IntegrityError:  # another process stored the same message, or made the same lead, just now
                conflicts += 1
                if conflicts > MAX_CONFLICTS:
                    raise

    def _edit(self, line: Line, message: Inbound) -> Inbound:
        editable = EditableMessage(message.text, message.kind, message.sender.address)
        for _ in self._parts.plugins.each("edit_message", message=editable, line=line):
            pass
        sender = message.sender
        for word in (message.provider_message_id, sender.address):
            if storable(word) != word:
                raise Invalid("The id or the sender of a message holds characters that are not text.")
        sender = replace(sender, name=storable(sender.name)) if sender.name else sender
        return replace(message, sender=sender, text=storable(str(editable.text)))

    def _find_lead(self, line: Line, message: Inbound) -> int | None:
        """Ask plugins whose address this is; outside the transaction."""
        found = self._parts.plugins.first("find_lead", inbound=message, line=line, host=self._parts.host)
        if found is None or self._is_lead(line, found):
            return int(found) if found is not None else None
        log.warning("found_no_lead", line=line.id, lead=found)  # a plugin's mistake must not refuse the message
        return None

    def _is_lead(self, line: Line, lead_id: Any) -> bool:
        with self._parts.database.read() as connection:
            scope = Scope(connection, line.account_id)
            return isinstance(lead_id, int) and bool(scope.first(scope.select(Lead, Lead.id).where(Lead.id == lead_id)))

    def _one(self, scope: Scope, line: Line, message: Inbound, leads_found: dict[str, int | None]) -> Taken:
        address = message.sender.address
        known = scope.execute(
            LOOK,
            b_kind=leads.channel_kind(line.channel),
            b_address=address,
            b_line=line.id,
            b_provider_message_id=message.provider_message_id,
        ).one()
        if known.message_id is not None:
            return Taken(known.message_id, message.provider_message_id, known.holds_message, True, known.message_at)
        lead_id, conversation_id = known.lead_id, known.conversation_id
        if lead_id is None:
            if address not in leads_found:
                raise _NewAddress(message)
            lead_id = _make_lead(scope, line, message, leads_found[address])
        if conversation_id is None:
            conversation_id = _open_conversation(scope, line, lead_id, address)
        seq = scope.execute(NEXT_SEQ, b_conversation=conversation_id, b_address=address).scalar_one() - 1
        row = _insert(scope, line, message, (lead_id, conversation_id, seq))
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


def _make_lead(scope: Scope, line: Line, message: Inbound, lead_id: int | None) -> int:
    if lead_id is None:
        lead_id = leads.create(scope, message.sender)
    leads.add_identities(scope, lead_id, line.channel, message.sender)
    return lead_id


def _open_conversation(scope: Scope, line: Line, lead_id: int, address: str) -> int:
    """The lead's open conversation on the line, made if there is none: a lead may write from a second address."""
    known = scope.first(
        scope.select(Conversation, Conversation.id).where(
            Conversation.line_id == line.id, Conversation.lead_id == lead_id, Conversation.state == "open"
        )
    )
    if known is not None:
        return int(known.id)
    return scope.insert(Conversation, lead_id=lead_id, line_id=line.id, address=address)


def _insert(scope: Scope, line: Line, message: Inbound, place: tuple[int, int, int]) -> AnyRow:
    lead_id, conversation_id, seq = place
    values = {
        "account_id": scope.account_id,
        "conversation_id": conversation_id,
        "lead_id": lead_id,
        "line_id": line.id,
        "seq": seq,
        "direction": "in",
        "address": message.sender.address,
        "author": "customer",
        "kind": message.kind,
        "text": message.text,
        "state": "waiting",
        "provider_message_id": message.provider_message_id,
        "sent_at": message.sent_at,
    }
    return scope.connection.execute(INSERT, values).one()
