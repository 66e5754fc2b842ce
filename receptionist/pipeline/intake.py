"""Step 3: take customers' messages in, in one transaction, before the sender hears 2xx."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import IntegrityError

from receptionist.contracts.channel import Line
from receptionist.contracts.consent import is_answer
from receptionist.contracts.events import ConsentChanged, Event, LeadChanged, MessageTaken
from receptionist.contracts.messages import Inbound, Taken
from receptionist.db import AnyRow, Scope, db_now, prepared
from receptionist.live.recorded import recorded
from receptionist.models import Account, Conversation, Identity, Lead, Message, table
from receptionist.parts import Parts
from receptionist.pipeline.edge import admitted
from receptionist.pipeline.opening import Moved, begin_conversation, open_conversation
from receptionist.pipeline.places import Place, Places
from receptionist.services.leads import consent_order, leads

log = structlog.get_logger()

MAX_CONFLICTS = 3
"""Times a batch is begun anew because another process stored the same at the same moment."""

identities, conversations, messages, accounts = table(Identity), table(Conversation), table(Message), table(Account)

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

KNOWN = prepared(
    sa.select(identities.c.value).where(
        identities.c.kind == sa.bindparam("b_kind"),
        identities.c.value.in_(sa.bindparam("b_addresses", expanding=True)),
    ),
    identities,
)
"""Which of these addresses a lead has already."""

NEXT_SEQ = prepared(
    sa.update(conversations)
    .where(
        conversations.c.id == sa.bindparam("b_conversation"),
        conversations.c.lead_id == sa.bindparam("b_lead"),
        conversations.c.state == "open",
    )
    .values(
        next_seq=conversations.c.next_seq + 1,
        address=sa.bindparam("b_address"),  # a reply goes where the customer wrote from last
        last_message_at=db_now(),
        due_at=sa.func.coalesce(conversations.c.due_at, db_now()),
    )
    .returning(conversations.c.next_seq, conversations.c.opted_out_at),
    conversations,
)
"""Takes the next number; on PostgreSQL this also locks the conversation, so commits keep the order."""

INSERT = sa.insert(messages).returning(
    messages.c.id,
    messages.c.created_at,
    sa.select(accounts.c.revision)
    .where(accounts.c.id == sa.literal_column("messages.account_id"))  # literal: see `lease._state`
    .scalar_subquery()
    .label("revision"),
)
"""With the account's revision: `NEXT_SEQ` may have waited for who changed it, and tell on PostgreSQL what it was
before."""


class _NewAddress(Exception):
    """Somebody in the batch is not known: plugins are asked first, outside the transaction."""


class Stale(Exception):
    """The line changed since it was looked up; nothing was stored: verify against the line as it is now."""


class Intake:
    """Stores inbound messages: lead, identity, conversation, `seq` and message, committed together."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._places = Places()

    def take_in(self, line: Line, messages: Sequence[Inbound], *, pulled: bool = False) -> list[Taken]:
        """Store each message once. When this returns, all of them are committed; a message that was stored
        before is reported as a duplicate. `pulled`: the vendor was asked for them, so newer ones may be there already.
        Raises `Stale`, or `Unavailable` when nothing is sure: the sender tries again. Raises `Invalid` if none of the
        messages can be stored."""
        edited = admitted(self._parts, line, messages)
        taken, events = self._store(line, edited, pulled)
        for message, row in zip(edited, taken, strict=True):
            if not row.duplicate:
                self._tell(line, message, row)
        for event in events:
            self._parts.emit(event)
        return taken

    def _store(self, line: Line, messages: Sequence[Inbound], pulled: bool) -> tuple[list[Taken], list[Event]]:
        leads_found = self._find_leads(
            line, [each for each in messages if not self._places.get(line, each.sender.address)]
        )
        conflicts = 0
        while True:
            batch = _Batch(self._parts, line, self._places, leads_found, short_cuts=conflicts == 0, pulled=pulled)
            try:
                with self._parts.rush.storing(), self._parts.database.begin(durable=True) as connection:
                    taken = [batch.take(Scope(connection, line.account_id), message) for message in messages]
                batch.remember()
                return taken, batch.events
            except _NewAddress:
                leads_found |= self._find_leads(line, messages)
            except (IntegrityError, Moved):  # it was stored before, or another process makes the same lead just now
                conflicts += 1
                if conflicts > MAX_CONFLICTS:
                    raise
                leads_found.clear()  # a lead that was found may have been erased since

    def _find_leads(self, line: Line, messages: Sequence[Inbound]) -> dict[str, int | None]:
        """Ask plugins whose the new addresses of a batch are, outside the transaction; not about what was erased."""
        if not messages:
            return {}
        addresses = {message.sender.address for message in messages}
        with self._parts.database.read(once=True) as connection:
            scope = Scope(connection, line.account_id)
            values = {"b_kind": leads.channel_kind(line.channel), "b_addresses": list(addresses)}
            new = addresses - set(scope.execute(KNOWN, **values).scalars())
            heard = [each for each in messages if each.sender.address in new and not self._is_erased(scope, line, each)]
        first = {message.sender.address: message for message in reversed(heard)}
        return {address: self._find_lead(line, message) for address, message in first.items()}

    def _is_erased(self, scope: Scope, line: Line, message: Inbound) -> bool:
        erased, _ = self._parts.forgotten.knows(scope, line.id, message.provider_message_id)
        return erased

    def _find_lead(self, line: Line, message: Inbound) -> int | None:
        found = self._parts.plugins.first("find_lead", int, inbound=message, line=line, host=self._parts.host)
        if found is None or self._is_lead(line, found):
            return found
        log.warning("found_no_lead", line=line.id, lead=found)  # a plugin's mistake must not refuse the message
        return None

    def _is_lead(self, line: Line, lead_id: int) -> bool:
        if not 0 < lead_id < 2**63:  # more than a database takes
            return False
        with self._parts.database.read() as connection:
            scope = Scope(connection, line.account_id)
            return scope.first(scope.select(Lead, Lead.id).where(Lead.id == lead_id)) is not None

    def _tell(self, line: Line, message: Inbound, row: Taken) -> None:
        if self._parts.channels[line.channel].capabilities.delivery == "pull":
            self._show(line, message, row)
        self._parts.emit(MessageTaken(line.account_id, row.conversation_id, row.message_id))

    def _show(self, line: Line, message: Inbound, row: Taken) -> None:
        event = recorded(
            row.message_id,
            "in",
            message.text,
            row.at,
            author="customer",
            provider_message_id=message.provider_message_id,
        )
        self._parts.bus.publish((line.id, message.sender.address), event)


class _Batch:
    """The messages of one webhook, or of one look at the vendor's list, on their way into one transaction."""

    def __init__(
        self,
        parts: Parts,
        line: Line,
        places: Places,
        leads_found: dict[str, int | None],
        *,
        short_cuts: bool,
        pulled: bool,
    ) -> None:
        self._parts, self._line, self._places = parts, line, places
        self._leads_found = leads_found
        self._short_cuts, self._pulled = short_cuts, pulled
        self._changed: set[str] = set()
        self._seen: dict[str, Place] = {}
        self.events: list[Event] = []

    def take(self, scope: Scope, message: Inbound) -> Taken:
        """Store one message, unless it is there already."""
        address = message.sender.address
        place = self._places.get(self._line, address) if self._short_cuts else None
        if place is not None and place.proved == _proved(message):
            taken = self._add(scope, message, place)
            if taken is not None:
                return taken
            self._places.forget(self._line, address)
        known = scope.execute(
            LOOK,
            b_kind=leads.channel_kind(self._line.channel),
            b_address=address,
            b_line=self._line.id,
            b_provider_message_id=message.provider_message_id,
        ).one()
        if known.message_id is not None:
            return Taken(known.message_id, message.provider_message_id, known.holds_message, True, known.message_at)
        erased, lately = self._parts.forgotten.knows(scope, self._line.id, message.provider_message_id)
        if erased:
            return Taken(0, message.provider_message_id, 0, True, datetime.now(UTC))
        taken = self._add(scope, message, self._place(scope, message, known))
        if taken is None:
            raise Moved
        if lately:  # more of what was erased may come once more: the short cut would not see that
            self._seen.pop(address, None)
        return taken

    def remember(self) -> None:
        """All is committed: remember where these customers write."""
        for address, place in self._seen.items():
            self._places.remember(self._line, address, place)

    def _place(self, scope: Scope, message: Inbound, known: AnyRow) -> Place:
        address, lead_id, conversation_id = message.sender.address, known.lead_id, known.conversation_id
        new = False
        if lead_id is None:
            if address not in self._leads_found:
                raise _NewAddress
            new = self._leads_found[address] is None
            lead_id = _make_lead(scope, self._line, message, self._leads_found[address])
        if conversation_id is None:
            still_out = partial(self._parts.consents.still_out, scope, self._line.channel, address, lead_id)
            if new:  # nobody else knows the lead yet
                conversation_id = begin_conversation(scope, self._line.id, lead_id, address, opted_out=still_out())
            else:
                conversation_id = open_conversation(scope, self._line.id, lead_id, address, still_out)
        if known.lead_id is not None and any(_proved(message)):  # once the lead is held, if it is: no deadlock
            fields = leads.learn(scope, lead_id, message.sender)
            self.events += [LeadChanged(self._line.account_id, lead_id, fields)] if fields else []
        return Place(lead_id, conversation_id, _proved(message))

    def _add(self, scope: Scope, message: Inbound, place: Place) -> Taken | None:
        """Store the message at this place; None if the place is not right any more. Raises `Stale`."""
        address = message.sender.address
        values = {"b_conversation": place.conversation_id, "b_lead": place.lead_id, "b_address": address}
        row = scope.execute(NEXT_SEQ, **values).first()
        if row is None:
            return None
        silent = self._heed(scope, message, place.lead_id, row.opted_out_at is not None)
        stored = _insert(scope, self._line, message, place, row.next_seq - 1, silent)
        if stored.revision != self._line.revision:
            raise Stale
        self._seen[address] = place
        return Taken(stored.id, message.provider_message_id, place.conversation_id, False, stored.created_at)

    def _heed(self, scope: Scope, message: Inbound, lead_id: int, opted_out: bool) -> str | None:
        """Do what the message says about consent; the reason why nobody answers it, if nobody does."""
        consents, channel, address = self._parts.consents, self._line.channel, message.sender.address
        changed = False
        if message.consent == "stop":
            said = self._said(scope, message)
            if consents.taken_back(scope, channel, address, lead_id, said):
                return "the customer opted in again before this came"
            changed = consents.opt_out(scope, channel, address, lead_id, said)
        elif message.consent == "start" and opted_out:
            changed = consents.opt_in(scope, channel, address, lead_id, self._said(scope, message))
        elif message.consent == "start" and not is_answer(message.text):
            consents.agree(scope, channel, lead_id, self._said(scope, message))
        if changed:
            self._changed.add(address)
            self.events.append(ConsentChanged(self._line.account_id, lead_id, channel, message.consent == "stop"))
        if message.consent == "stop" or (opted_out and not changed):
            return "the customer opted out"
        if message.consent == "help":
            return "the vendor answers HELP"
        return "the customer opted in again" if changed else None

    def _said(self, scope: Scope, message: Inbound) -> consent_order.Said:
        """When a word on consent was sent; one that follows the latest in a batch is newer, for they are in order."""
        said = consent_order.said(scope, message.sent_at, pulled=self._pulled)
        return replace(said, late=False) if message.sender.address in self._changed else said


def _proved(message: Inbound) -> tuple[str | None, str | None]:
    return message.sender.verified_email, message.sender.verified_phone


def _make_lead(scope: Scope, line: Line, message: Inbound, lead_id: int | None) -> int:
    if lead_id is None:
        lead_id = leads.create(scope, message.sender)
    leads.add_identities(scope, lead_id, line.channel, message.sender)
    return lead_id


def _insert(scope: Scope, line: Line, message: Inbound, place: Place, seq: int, silent: str | None) -> AnyRow:
    values = {
        "account_id": scope.account_id,
        "conversation_id": place.conversation_id,
        "lead_id": place.lead_id,
        "line_id": line.id,
        "seq": seq,
        "direction": "in",
        "address": message.sender.address,
        "author": "customer",
        "kind": message.kind,
        "text": message.text,
        "state": "silent" if silent else "waiting",
        "error": silent,
        "attachments": [
            {"content_type": each.content_type, "url": each.url, "name": each.name} for each in message.attachments
        ]
        or None,
        "provider_message_id": message.provider_message_id,
        "sent_at": message.sent_at,
    }
    return scope.connection.execute(INSERT, values).one()
