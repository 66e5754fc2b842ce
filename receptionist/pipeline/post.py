"""What the agent writes to its customer on another channel than the one they talk on: where to, and by which line."""

from __future__ import annotations

from functools import partial

import sqlalchemy as sa

from receptionist.agents.context import Posted
from receptionist.agents.edited import edited
from receptionist.contracts.channel import Line
from receptionist.contracts.edits import PromptContext
from receptionist.db import AnyRow, Scope, db_now
from receptionist.errors import ToolError
from receptionist.models import Conversation, Identity, Message
from receptionist.models.conversations import POSTED as POSTED_ROWS
from receptionist.parts import Parts
from receptionist.pipeline.lease import Lease
from receptionist.pipeline.opening import open_conversation
from receptionist.pipeline.split import split
from receptionist.services.conversations import handover, reply_window
from receptionist.services.leads import consent, lead_addresses, leads
from receptionist.text import storable

MAX_A_DAY = 5
"""Messages that a customer, or an address, is sent in 24 hours besides replies: nobody is flooded by their number."""
MAX_ACCOUNT_A_DAY = 200
"""The same of all customers of an account together: nobody makes the business pay for texts to strangers."""
REFUSED = "The customer refused messages there; do not offer it again."
DAY = 86_400.0
LONGEST = 2000
"""Characters of one text."""
POSTED: sa.ColumnElement[bool] = sa.literal_column(POSTED_ROWS)  # literal, so that the partial index is used


class PostOffice:
    """Finds the customer of one turn on the account's other lines. Reads the database; nothing is stored here."""

    def __init__(self, parts: Parts, lease: Lease, context: PromptContext) -> None:
        self._parts, self._lease, self._context = parts, lease, context

    def address(self, channel: str, text: str, *, unproved: bool) -> Posted:
        """The text, as plugins edit it, with line and address; `unproved`: also one that the customer only typed.
        Raises `ToolError`."""
        lines = self._lines(channel)
        text = edited(self._parts.plugins, storable(text), self._context).strip()
        if not 0 < len(text) <= LONGEST:
            raise ToolError(f"A text has 1 to {LONGEST} characters.")
        with self._parts.database.read() as connection:
            scope = Scope(connection, self._lease.account_id)
            lead = leads.find(scope, self._lease.lead_id)
            address = self._address(scope, lead, channel, unproved=unproved)
            _may_write(self._parts, scope, lead.id, channel, address)
            line, kind = _best(scope, lead.id, lines), self._parts.channels[channel]
            if not reply_window.is_open(scope, kind, line.id, lead.id, address):
                raise ToolError(f"{reply_window.rule(kind)} Nothing was sent; tell them here, or use another channel.")
        parts = tuple(split(text, kind.capabilities.text_limit, kind.length))
        return Posted(line.id, channel, address, text, parts)

    def _lines(self, channel: str) -> list[Line]:
        """The account's active lines on this channel. Raises `ToolError` naming the channels there are."""
        office = self._parts.directory.office(self._lease.account_id, self._lease.revision)
        here = office.lines.get(self._lease.line_id)
        if here is not None and here.channel == channel:
            raise ToolError("The customer reads you on this very channel; put it into your reply.")
        possible: dict[str, list[Line]] = {}
        for line in office.lines.values():
            if self._parts.channels[line.channel].capabilities.delivery == "push" and line.id != self._lease.line_id:
                possible.setdefault(line.channel, []).append(line)
        if channel not in possible:
            names = ", ".join(sorted(possible)) or "none; say so, and do not promise it"
            raise ToolError(f"Nothing can be sent on {channel[:40]!r}. Channels to send on: {names}.")
        return possible[channel]

    def _address(self, scope: Scope, lead: AnyRow, channel: str, *, unproved: bool) -> str:
        """Where the customer wrote from on the channel, else the number or address that is theirs. Raises
        `ToolError`."""
        kind = leads.channel_kind(channel)
        own = scope.select(Identity, Identity.value).where(Identity.lead_id == lead.id, Identity.kind == kind)
        row = scope.first(own.order_by(Identity.id.desc()).limit(1))
        if row is not None:
            return str(row.value)
        by = self._parts.channels[channel].capabilities.reaches
        written = getattr(lead, by) if by else None
        if not written:
            asked = {"phone": "phone number", "email": "e-mail address"}.get(by, "address there")
            raise ToolError(f"The customer's {asked} is not known; ask for it and note it first.")
        holders = {lead_addresses.holder(scope, each, written) for each in (by, kind)} - {None}
        if holders - {lead.id}:
            raise ToolError("This number or address may be somebody else's; nothing is sent there. Offer a person.")
        if not (holders or unproved):
            raise ToolError("This was only typed here, so it may be a stranger's; nothing is sent there. Tell it here.")
        return str(written)


def _may_write(parts: Parts, scope: Scope, lead_id: int, channel: str, address: str) -> None:
    """Raises `ToolError` where the customer refused messages, a person writes there, or there were too many."""
    known = consent.known(scope, lead_id).get(channel)
    if parts.consents.opted_out(scope, channel, address) or (known is not None and known.state == "refused"):
        raise ToolError(REFUSED)
    fresh = sa.case((Message.created_at > db_now(-DAY), True), else_=False).label("fresh")
    newest = scope.select(Message, Message.lead_id, Message.address, fresh).where(POSTED).order_by(Message.id.desc())
    rows = [row for row in scope.all(newest.limit(MAX_ACCOUNT_A_DAY)) if row.fresh]
    mine = (sum(row.lead_id == lead_id for row in rows), sum(row.address == address for row in rows))
    if max(mine) >= MAX_A_DAY or len(rows) >= MAX_ACCOUNT_A_DAY:
        raise ToolError("The customer was sent enough for today; tell them here instead.")


def _best(scope: Scope, lead_id: int, lines: list[Line]) -> Line:
    """The line the customer used last, else the first. Raises `ToolError` while a person writes there, and where the
    customer refused messages."""
    by_id = {line.id: line for line in sorted(lines, key=lambda line: line.id)}
    has_person = sa.case((Conversation.person_until > db_now(), True), else_=False).label("has_person")
    own = scope.select(Conversation, Conversation.line_id, Conversation.state, Conversation.opted_out_at, has_person)
    row = scope.first(
        own.where(Conversation.lead_id == lead_id, Conversation.line_id.in_(by_id))
        .order_by(Conversation.last_message_at.desc())
        .limit(1)
    )
    if row is None:
        return next(iter(by_id.values()))
    if row.has_person:
        raise ToolError("A person of the business is writing with the customer there; leave it to them.")
    if row.state == "open" and row.opted_out_at is not None:
        raise ToolError(REFUSED)
    return by_id[row.line_id]


def put(parts: Parts, scope: Scope, lead_id: int, posted: Posted) -> int:
    """Store the text as messages that wait to be sent, in the lead's conversation on that line; returns the
    conversation to ring for. Where the customer refused messages meanwhile, they are never sent."""
    opted_out = partial(parts.consents.opted_out, scope, posted.channel, posted.address)
    conversation_id = open_conversation(scope, posted.line_id, lead_id, posted.address, opted_out)
    state = "suppressed" if opted_out() else "pending"
    for text in posted.parts:
        handover.add_message(scope, conversation_id, text, state=state, author="agent", address=posted.address)
    handover.wake(scope, conversation_id)
    return conversation_id
