"""What vendors report about messages that went out: receipts, and echoes of what was written in their own apps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import IntegrityError

from receptionist.contracts.channel import Line
from receptionist.contracts.events import ConsentChanged, Event, HandedOver, LineTroubled, MessageFailed
from receptionist.contracts.messages import Echo, Receipt, Sender
from receptionist.db import AnyRow, Scope, db_now
from receptionist.errors import Unavailable
from receptionist.models import Identity, Lead, Message
from receptionist.parts import Parts
from receptionist.pipeline.edge import LONGEST_ADDRESS, LONGEST_CODE, LONGEST_ERROR, aware
from receptionist.pipeline.intake import MAX_CONFLICTS
from receptionist.pipeline.opening import Moved, open_conversation
from receptionist.pipeline.sendkey import message_id_in, send_key
from receptionist.services import lines
from receptionist.services.conversations import handover
from receptionist.services.directory import Office
from receptionist.services.leads import leads
from receptionist.services.leads.consent_order import NOW, Said
from receptionist.text import as_text, bounded, storable

_RANK = {"queued": 1, "sent": 2, "delivered": 3, "failed": 4, "read": 5}
"""States only move up: failed is final, unless the message was read all the same."""

PERSON_IN_APP = "somebody in the vendor's app"

log = structlog.get_logger()

R = TypeVar("R", Receipt, Echo)


class Reports:
    """Applies what vendors report; whatever comes twice, late or early does no harm."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def take_receipts(self, line: Line, receipts: Sequence[Receipt]) -> None:
        """Note how far messages got. One of a message that is not known is passed over.

        Raises `Unavailable` if it may be of a message that is being sent right now, so that its vendor tries again.
        """
        events: list[Event] = []
        early = False
        with self._parts.database.begin() as connection:
            scope = Scope(connection, line.account_id)
            for receipt in filter(_is_storable, map(_as_texts, receipts)):
                row = _find(scope, line, receipt)
                if row is not None:
                    handover.lock(scope, row.conversation_id)  # as everybody does first: no deadlock
                    row = _one(scope, line, Message.id == row.id)
                if row is not None:
                    events += self._apply(scope, line, row, receipt)
                elif receipt.key is None and _something_is_being_sent(scope, line):
                    early = True
                else:
                    log.info("receipt_of_unknown_message", line=line.id, status=receipt.status)
        for event in events:
            self._parts.emit(event)
        if early:
            raise Unavailable("This receipt came before its message was noted as sent; please send it again.")

    def take_echoes(self, line: Line, echoes: Sequence[Echo]) -> None:
        """Store what a person wrote in the vendor's app, which silences the agent; our own messages are known."""
        office = self._parts.directory.office(line.account_id, line.revision)
        for echo in filter(_is_storable, map(_as_texts, echoes)):
            echo = replace(echo, sent_at=aware(line, echo.sent_at))
            for event in self._store_echo(line, echo, office):
                self._parts.emit(event)

    def _store_echo(self, line: Line, echo: Echo, office: Office) -> list[Event]:
        for _ in range(MAX_CONFLICTS):
            try:
                with self._parts.database.begin(durable=True) as connection:
                    return self._take_echo(Scope(connection, line.account_id), line, echo, office)
            except (IntegrityError, Moved):  # it was stored just now, or its customer was: the next look tells
                continue
        raise Unavailable("This echo could not be stored just now; please send it again.")

    def _apply(self, scope: Scope, line: Line, row: AnyRow, receipt: Receipt) -> list[Event]:
        if _RANK[receipt.status] <= _RANK.get(row.delivery, 0):
            return []
        scope.run(scope.update(Message).where(Message.id == row.id).values(**_changes(row, receipt)))
        reason = receipt.error or receipt.code or "the vendor says that it failed"
        events: list[Event] = []
        if receipt.status == "failed":
            events.append(MessageFailed(line.account_id, row.conversation_id, row.id, reason))
        if receipt.opted_out and self._opt_out(scope, line, row):
            events.append(ConsentChanged(line.account_id, row.lead_id, line.channel, opted_out=True))
        if receipt.alert:
            lines.note_trouble(scope, line.id, reason)
            events.append(LineTroubled(line.account_id, line.id, reason))
        return events

    def _opt_out(self, scope: Scope, line: Line, row: AnyRow) -> bool:
        """The customer had refused messages when this one was sent; START since then counts more. False if nothing is
        new."""
        sent = row.state == "sent" and row.sent_at is not None
        said = Said(row.sent_at, late=True) if sent else NOW
        consents, whose = self._parts.consents, (line.channel, row.address, row.lead_id)
        return not consents.taken_back(scope, *whose, said) and consents.opt_out(scope, *whose, said)

    def _take_echo(self, scope: Scope, line: Line, echo: Echo, office: Office) -> list[Event]:
        if _by_provider_id(scope, line, echo.provider_message_id) is not None:
            return []
        if self._parts.forgotten.knows(scope, line.id, echo.provider_message_id)[0]:
            return []
        conversation_id = self._conversation(scope, line, echo.to)
        lead_id = handover.lock(scope, conversation_id).lead_id
        if _lead_of(scope, line, echo.to) != lead_id:  # who were one lead became two while this waited
            raise Moved
        if (ours := _unmarked(scope, conversation_id, echo)) is not None:
            settled = {"state": "sent", "error": None, "sent_at": echo.sent_at or db_now()}
            values = {"provider_message_id": echo.provider_message_id, **settled}
            scope.run(scope.update(Message).where(Message.id == ours).values(**values))
            return []
        handover.add_message(
            scope,
            conversation_id,
            storable(echo.text),
            state="sent",
            provider_message_id=echo.provider_message_id,
            sent_at=echo.sent_at,
        )
        minutes = _minutes(scope, office, line, lead_id)
        handover.take(scope, conversation_id, PERSON_IN_APP, minutes, shorten=False)
        return [HandedOver(line.account_id, conversation_id, PERSON_IN_APP)]

    def _conversation(self, scope: Scope, line: Line, address: str) -> int:
        lead_id = _lead_of(scope, line, address)
        if lead_id is None:
            lead_id = leads.create(scope, Sender(address))
            leads.add_identities(scope, lead_id, line.channel, Sender(address))
        still_out = partial(self._parts.consents.still_out, scope, line.channel, address, lead_id)
        return open_conversation(scope, line.id, lead_id, address, still_out)


def _lead_of(scope: Scope, line: Line, address: str) -> int | None:
    which = (Identity.kind == leads.channel_kind(line.channel), Identity.value == address)
    row = scope.first(scope.select(Identity, Identity.lead_id).where(*which))
    return None if row is None else int(row.lead_id)


def _minutes(scope: Scope, office: Office, line: Line, lead_id: int) -> int:
    """How long a person's message silences the agent that answers this lead."""
    lead = scope.first(scope.select(Lead, Lead.strategy_id).where(Lead.id == lead_id))
    strategy = office.strategy(line.id, lead.strategy_id if lead else None)
    return strategy.fields.hand_back_minutes if strategy else handover.MINUTES


def _as_texts(report: R) -> R:
    """The report with texts where its vendor, and so its channel, wrote numbers."""
    names = [each.name for each in fields(report) if each.name not in ("status", "alert", "opted_out", "sent_at")]
    texts: dict[str, Any] = {name: as_text(getattr(report, name)) for name in names}
    return replace(report, **texts)


def _is_storable(report: Receipt | Echo) -> bool:
    """Whether ids and address are text that a database takes; a report of anything else is of no use to anybody."""
    if report.status not in _RANK if isinstance(report, Receipt) else report.text is None:
        log.warning("report_not_known", kind=type(report).__name__, status=getattr(report, "status", None))
        return False
    words = [report.provider_message_id or "", (report.to if isinstance(report, Echo) else report.key) or ""]
    good = all(storable(word) == word and len(word) <= LONGEST_ADDRESS for word in words)
    if not good:
        log.warning("report_not_storable", kind=type(report).__name__)
    return good


def _find(scope: Scope, line: Line, receipt: Receipt) -> AnyRow | None:
    """The message a receipt is about."""
    message_id = message_id_in(receipt.key) if receipt.key else None
    if message_id is not None:
        row = _one(scope, line, Message.id == message_id)
        if row is not None and send_key(row) == receipt.key:
            return row
    return _by_provider_id(scope, line, receipt.provider_message_id) if receipt.provider_message_id else None


def _by_provider_id(scope: Scope, line: Line, provider_message_id: str) -> AnyRow | None:
    return _one(scope, line, Message.provider_message_id == provider_message_id)


def _one(scope: Scope, line: Line, which: sa.ColumnElement[bool]) -> AnyRow | None:
    statement = scope.select(Message).where(Message.line_id == line.id, Message.direction == "out", which)
    return scope.first(statement)


def _something_is_being_sent(scope: Scope, line: Line) -> bool:
    statement = scope.select(Message, Message.id).where(Message.line_id == line.id, Message.state == "sending")
    return scope.first(statement.limit(1)) is not None


def _changes(row: AnyRow, receipt: Receipt) -> dict[str, Any]:
    """What a receipt changes in its message; it also settles a send whose outcome was not known."""
    values: dict[str, Any] = {"delivery": receipt.status}
    if row.provider_message_id is None and receipt.provider_message_id:
        values["provider_message_id"] = receipt.provider_message_id
    if receipt.status == "failed":
        reason = f"{receipt.code}: {receipt.error}" if receipt.code and receipt.error else receipt.error or receipt.code
        state = "suppressed" if receipt.opted_out else "failed"
        code, error = bounded(receipt.code, LONGEST_CODE), bounded(reason, LONGEST_ERROR)
        return values | {"state": state, "code": code, "error": error or "the vendor says that it failed"}
    if row.state in ("pending", "sending", "unknown") or (row.state == "failed" and receipt.status == "read"):
        values |= {"state": "sent", "error": None}
    return values


def _unmarked(scope: Scope, conversation_id: int, echo: Echo) -> int | None:
    """A message of ours that is being sent and not marked yet, whose echo was quicker, or of which nobody knew whether
    it went out."""
    row = scope.first(
        scope.select(Message, Message.id)
        .where(
            Message.conversation_id == conversation_id,
            Message.direction == "out",
            Message.provider_message_id.is_(None),
            Message.state.in_(("sending", "unknown")),
            Message.text == echo.text,
        )
        .order_by(Message.seq)
        .limit(1)
    )
    return int(row.id) if row else None
