"""Step 9: send what was recorded, mark what came of it, and never send blindly twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog
from sqlalchemy.exc import IntegrityError

from receptionist.contracts.channel import Channel, Line, Outbound, Sent
from receptionist.contracts.events import MessageFailed, MessageSent
from receptionist.db import AnyRow, Scope
from receptionist.errors import SendFailed, SendRefused, SendUnknown
from receptionist.models import Message
from receptionist.parts import Parts
from receptionist.pipeline.lease import Lease, hold

MAX_SENDS = 5
"""Attempts at one message before it fails."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Result:
    """What one attempt came to; `retry_in` seconds where the message stays in the outbox."""

    state: str
    provider_message_id: str | None = None
    error: str | None = None
    retry_in: float | None = None


class Outbox:
    """Delivers one conversation's unsent messages, in order, under its lease."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def deliver(
        self, lease: Lease, line: Line, unsent: Sequence[AnyRow], check: Callable[[], None], *, ask: bool
    ) -> float | None:
        """Send in order. Returns None when nothing is left, or in how many seconds to go on.

        `ask`: whether channels may be asked what became of a message whose sender died; not once that killed
        workers. `check` raises `Interrupted` before a message when no more may be sent now. Raises `FenceLost`.
        """
        channel = self._parts.channels[line.channel]
        for row in unsent:
            message = Outbound(row.id, _key(row), row.address, row.text, row.attempts + 1)
            check()
            result = None
            if row.state == "sending":
                result = self._ask(channel, line, message) if ask else Result("unknown", error="its sender died")
            if result is None:
                result = self._send(lease, channel, line, message)
            self._mark(lease, message, result)
            if result.retry_in is not None:
                return result.retry_in
        return None

    def _ask(self, channel: Channel, line: Line, message: Outbound) -> Result | None:
        """A worker died while sending: what became of it? None: it surely did not go out, so send it."""
        try:
            sent = channel.resolve_unknown(line, message)
        except SendUnknown as error:
            return Result("unknown", error=str(error))
        except Exception as error:  # a channel's bug must not send blindly
            log.exception("channel_failed", channel=line.channel)
            return Result("unknown", error=f"{type(error).__name__}: the channel could not tell")
        return Result("sent", sent.provider_message_id) if sent else None

    def _send(self, lease: Lease, channel: Channel, line: Line, message: Outbound) -> Result:
        if message.attempt > MAX_SENDS:
            return Result("failed", error=f"not sent after {MAX_SENDS} attempts")
        with self._parts.database.begin(durable=True) as connection:
            scope = Scope(connection, lease.account_id)
            hold(scope, lease)
            scope.run(
                scope.update(Message).where(Message.id == message.id).values(state="sending", attempts=message.attempt)
            )
        try:
            return _sent(channel.send(line, message))
        except SendRefused as error:
            return Result("failed", error=str(error))
        except SendFailed as error:
            pause = error.retry_after if error.retry_after is not None else 2.0**message.attempt
            return Result("pending", error=str(error), retry_in=min(pause, 300.0))
        except SendUnknown as error:
            return self._ask_later(channel, line, message, error)
        except Exception as error:  # a channel's bug: it may have sent before it broke
            log.exception("channel_failed", channel=line.channel)
            return Result("unknown", error=f"{type(error).__name__}: {error}"[:500])

    def _ask_later(self, channel: Channel, line: Line, message: Outbound, error: SendUnknown) -> Result:
        """The outcome is unknown: ask the vendor if it can tell; send again only if it surely did not go out."""
        result = self._ask(channel, line, message)
        if result is None:
            return Result("pending", error=str(error), retry_in=2.0**message.attempt)
        return replace(result, error=f"{error}; {result.error}") if result.error else result

    def _mark(self, lease: Lease, message: Outbound, result: Result) -> None:
        try:
            self._write(lease, message, result)
        except IntegrityError:  # the vendor gave an id that another message of the line has: sent all the same
            log.warning("provider_message_id_not_unique", message=message.id)
            self._write(lease, message, replace(result, provider_message_id=None))
        if result.state == "sent":
            self._parts.emit(MessageSent(lease.account_id, lease.conversation_id, message.id))
        elif result.state in ("failed", "unknown"):
            reason = result.error or result.state
            self._parts.emit(MessageFailed(lease.account_id, lease.conversation_id, message.id, reason))

    def _write(self, lease: Lease, message: Outbound, result: Result) -> None:
        with self._parts.database.begin() as connection:
            scope = Scope(connection, lease.account_id)
            hold(scope, lease)
            scope.run(
                scope.update(Message)
                .where(Message.id == message.id)
                .values(state=result.state, provider_message_id=result.provider_message_id, error=result.error)
            )


def _key(row: AnyRow) -> str:
    """The same at every attempt; with the time in it, for ids begin anew in another or a restored database."""
    return f"message-{row.id}-{row.created_at.timestamp() * 1000:.0f}"


def _sent(sent: Sent) -> Result:
    return Result("sent", sent.provider_message_id)
