"""Step 9: send what was recorded, mark what came of it, and never send blindly twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import IntegrityError

from receptionist.contracts.channel import Channel, Line
from receptionist.contracts.events import ConsentChanged, Event, LineTroubled, MessageFailed, MessageSent
from receptionist.contracts.messages import Outbound, Sent
from receptionist.db import AnyRow, Scope, db_now, prepared
from receptionist.errors import MISTAKES, SendFailed, SendRefused, SendUnknown
from receptionist.live.recorded import recorded
from receptionist.models import Message, table
from receptionist.parts import Parts
from receptionist.pipeline.attachments import media_of
from receptionist.pipeline.edge import LONGEST_CODE, LONGEST_ERROR, LONGEST_ID
from receptionist.pipeline.lease import Lease, hold, release
from receptionist.pipeline.sendkey import send_key
from receptionist.services import lines
from receptionist.services.conversations import reply_window
from receptionist.text import as_text, bounded, seconds

MAX_SENDS = 5
"""Attempts at one message before it fails."""
LONGEST_PAUSE = 300.0
"""Seconds between two of them at most, whatever the vendor asks for."""

log = structlog.get_logger()

_messages = table(Message)
_unsent = sa.or_(_messages.c.state == "pending", _messages.c.state == "sending")
"""Not `in_`, whose list SQLAlchemy writes into the text anew each time: a third of what running these costs."""

BEGIN = prepared(
    sa.update(_messages)
    .where(_messages.c.id == sa.bindparam("b_id"), _unsent)
    .values(state="sending", attempts=sa.bindparam("b_attempts")),
    _messages,
)

MARK = prepared(
    sa.update(_messages)
    .where(_messages.c.id == sa.bindparam("b_id"), _unsent)
    .values(
        state=sa.bindparam("b_state"),
        provider_message_id=sa.func.coalesce(sa.bindparam("b_provider"), _messages.c.provider_message_id),
        error=sa.bindparam("b_error"),
        code=sa.bindparam("b_code"),
        sent_at=sa.case((sa.bindparam("b_sent", type_=sa.Boolean), db_now()), else_=_messages.c.sent_at),
    ),
    _messages,
)
"""Touches nothing once a report of the vendor was quicker than the vendor's own answer."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one attempt came to; `retry_in` seconds where the message stays in the outbox."""

    state: str
    provider_message_id: str | None = None
    error: str | None = None
    retry_in: float | None = None
    refusal: SendRefused | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """How it stands after sending: `retry_in` seconds to go on, if not None; `released`: the lease was given back."""

    retry_in: float | None = None
    released: bool = False


class Outbox:
    """Delivers one conversation's unsent messages, in order, under its lease."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def deliver(
        self,
        lease: Lease,
        line: Line,
        unsent: Sequence[AnyRow],
        check: Callable[[], None],
        *,
        ask: bool,
        begun: int | None = None,
        then_release: bool = False,
    ) -> Delivered:
        """Send in order; `then_release` gives the lease back with the last mark if nothing newer came.

        `ask`: whether channels may be asked what became of a message whose sender died; not once that killed
        workers. `begun`: the id of a message that this very worker marked as being sent just now. `check` raises
        `Interrupted` before a message when no more may be sent now. Raises `FenceLost`.
        """
        channel = self._parts.channels[line.channel]
        delivered = Delivered()
        for row in unsent:
            check()
            attempt = row.attempts if row.id == begun else row.attempts + 1
            message = self._outbound(channel, row, attempt)
            result = None
            if row.state == "sending" and row.id != begun:
                result = self._ask(channel, line, message) if ask else Result("unknown", error="its sender died")
            if result is None and row.id != begun:
                result = _no_longer_wanted(lease, row)
            if result is None:
                result = self._too_late(lease, channel, row, tried=row.state == "sending" and row.id != begun)
            if result is None:
                result = self._send(lease, channel, line, row, message, begun=row.id == begun)
            released = self._mark(lease, line, message, result, last=then_release and row is unsent[-1])
            if channel.capabilities.delivery == "pull" and result.state == "sent":
                self._show(lease, row)
            delivered = Delivered(result.retry_in, released)
            if result.retry_in is not None:
                break
        return delivered

    def _outbound(self, channel: Channel, row: AnyRow, attempt: int) -> Outbound:
        media = media_of(self._parts, row.attachments) if channel.capabilities.media else ()
        choices = tuple(row.choices or ()) if channel.capabilities.choices else ()
        return Outbound(row.id, send_key(row), row.address, row.text, attempt, media, row.created_at, choices)

    def _ask(self, channel: Channel, line: Line, message: Outbound) -> Result | None:
        """A worker died while sending: what became of it? None: it surely did not go out, so send it."""
        try:
            sent = channel.resolve_unknown(line, message)
            return None if sent is None else _sent(sent)
        except SendUnknown as error:
            return Result("unknown", error=str(error))
        except MISTAKES as error:  # a channel's bug must not send blindly
            log.exception("channel_failed", channel=line.channel)
            return Result("unknown", error=f"{type(error).__name__}: the channel could not tell")

    def _too_late(self, lease: Lease, channel: Channel, row: AnyRow, *, tried: bool) -> Result | None:
        """The vendor would not take the message any more, as the customer wrote too long ago. `tried`: its sender died,
        and by asking nobody can be sure that it did not go out."""
        if channel.capabilities.reply_window_seconds is None:
            return None
        with self._parts.database.read(once=True) as connection:
            scope = Scope(connection, lease.account_id)
            if reply_window.is_open(scope, channel, lease.line_id, lease.lead_id, row.address):
                return None
        state = "unknown" if tried and channel.capabilities.idempotent_send else "failed"
        return Result(state, error=f"too late: {reply_window.rule(channel)}")

    def _send(
        self, lease: Lease, channel: Channel, line: Line, row: AnyRow, message: Outbound, *, begun: bool
    ) -> Result:
        if channel.capabilities.delivery == "pull":
            return Result("sent")
        if message.attempt > MAX_SENDS:  # workers died over it again and again
            return Result("failed", error=f"not sent after {MAX_SENDS} attempts")
        late = time.monotonic() > lease.held_until  # this process may have slept through its lease
        if (late or not begun) and (settled := self._begin(lease, row, message)) is not None:
            return settled
        try:
            return _sent(channel.send(line, message))
        except SendRefused as error:
            return Result("suppressed" if error.opted_out else "failed", error=str(error), refusal=error)
        except SendFailed as error:
            if message.attempt == MAX_SENDS:
                return Result("failed", error=f"not sent after {MAX_SENDS} attempts: {error}")
            asked = seconds(error.retry_after)
            pause = asked if asked is not None else 2.0**message.attempt
            return Result("pending", error=str(error), retry_in=max(0.0, min(LONGEST_PAUSE, pause)))  # NaN: the longest
        except SendUnknown as error:
            return self._ask_later(channel, line, message, error)
        except MISTAKES as error:  # a channel's bug: it may have sent before it broke
            log.exception("channel_failed", channel=line.channel)
            return Result("unknown", error=f"{type(error).__name__}: {error}"[:500])

    def _begin(self, lease: Lease, row: AnyRow, message: Outbound) -> Result | None:
        """Mark the message as being sent; a result if it must not be sent any more."""
        with self._parts.database.begin(durable=True) as connection:
            scope = Scope(connection, lease.account_id)
            hold(scope, lease)
            if (unwanted := _no_longer_wanted(lease, row)) is not None:
                return unwanted
            if not scope.execute(BEGIN, b_id=message.id, b_attempts=message.attempt).rowcount:
                return Result("suppressed")  # a report or an opt-out settled it meanwhile, and its mark stands
        return None

    def _ask_later(self, channel: Channel, line: Line, message: Outbound, error: SendUnknown) -> Result:
        """The outcome is unknown: ask the vendor if it can tell; send again only if it surely did not go out."""
        result = self._ask(channel, line, message)
        if result is None:
            return Result("pending", error=str(error), retry_in=2.0**message.attempt)
        return replace(result, error=f"{error}; {result.error}") if result.error else result

    def _mark(self, lease: Lease, line: Line, message: Outbound, result: Result, *, last: bool) -> bool:
        """Write what came of it; True if the lease was given back with it."""
        try:
            released, events = self._write(lease, line, message, result, last=last)
        except IntegrityError:  # the vendor gave an id that another message of the line has: sent all the same
            log.warning("provider_message_id_not_unique", message=message.id)
            released, events = self._write(lease, line, message, replace(result, provider_message_id=None), last=last)
        if result.state not in ("sent", "suppressed"):  # its reason may name the customer, so it is not logged
            log.warning("message_not_sent", message=message.id, state=result.state, attempt=message.attempt)
        if result.state == "sent":
            events.append(MessageSent(lease.account_id, lease.conversation_id, message.id))
        elif result.state in ("failed", "unknown"):
            reason = result.error or result.state
            events.append(MessageFailed(lease.account_id, lease.conversation_id, message.id, reason))
        for event in events:
            self._parts.emit(event)
        return released

    def _write(
        self, lease: Lease, line: Line, message: Outbound, result: Result, *, last: bool
    ) -> tuple[bool, list[Event]]:
        refusal = result.refusal
        with self._parts.database.begin() as connection:
            scope = Scope(connection, lease.account_id)
            released = last and result.retry_in is None and release(scope, lease)
            if not released:
                hold(scope, lease)
            scope.execute(
                MARK,
                b_id=message.id,
                b_state=result.state,
                b_provider=result.provider_message_id,
                b_error=bounded(result.error, LONGEST_ERROR),
                b_code=bounded(as_text(refusal.code), LONGEST_CODE) if refusal else None,
                b_sent=result.state == "sent",
            )
            events = self._heed(scope, lease, line, message, refusal) if refusal else []
        return released, events

    def _heed(self, scope: Scope, lease: Lease, line: Line, message: Outbound, refusal: SendRefused) -> list[Event]:
        """What the vendor's refusal says beyond this message."""
        events: list[Event] = []
        if refusal.opted_out and self._parts.consents.opt_out(scope, line.channel, message.to, lease.lead_id):
            events.append(ConsentChanged(lease.account_id, lease.lead_id, line.channel, opted_out=True))
        if refusal.alert:
            lines.note_trouble(scope, line.id, str(refusal))
            events.append(LineTroubled(lease.account_id, line.id, str(refusal)))
        return events

    def _show(self, lease: Lease, row: AnyRow) -> None:
        event = recorded(row.id, "out", row.text, row.created_at, author=row.author, choices=row.choices)
        self._parts.bus.publish((lease.line_id, row.address), event)


def _no_longer_wanted(lease: Lease, row: AnyRow) -> Result | None:
    """The customer opted out, or a person took over from the agent, before this message went out.

    For one that surely did not: of one whose sender died the vendor is asked first.
    """
    if lease.opted_out:
        return Result("suppressed", error="the customer opted out")
    if lease.with_person and not lease.with_guard and row.author == "agent":
        return Result("suppressed", error="a person took over")
    return None


def _sent(sent: Sent) -> Result:
    """An id that no database takes is as good as none: the message was sent all the same."""
    name = as_text(sent.provider_message_id)
    if name is not None and bounded(name, LONGEST_ID) != name:
        log.warning("provider_message_id_not_storable", length=len(name))
        name = None
    return Result("sent", name)
