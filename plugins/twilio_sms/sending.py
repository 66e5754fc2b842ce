"""Sending a message, and asking Twilio afterwards what became of one."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog
from twilio.base.exceptions import TwilioException  # type: ignore[import-untyped]

from receptionist import Outbound, SendFailed, SendRefused, SendUnknown, Sent

from .codes import OPTED_OUT, SLOW_DOWN, is_alert, words
from .gsm7 import plain, segments
from .inbound import MESSAGE_SID
from .settings import Setup
from .transport import explain, never_left

if TYPE_CHECKING:
    from twilio.rest import Client  # type: ignore[import-untyped]

CLOCK_SKEW = timedelta(seconds=60)
"""How far Twilio's clock and ours may be apart."""

PAUSES = (0.0, 1.0, 3.0)
"""Seconds before each time that Twilio's list is asked: it may show a message a moment late."""

PATIENCE = 10.0
"""Seconds after which a look that failed is not repeated: with the longest pause all looks stay within 15 seconds."""

NOT_SENT = ("failed", "undelivered", "canceled")
"""A message that came to nothing does not stand for one of the same text that is still to be sent."""

MOST_LOOKED_AT = 200
TRIAL = "Sent from your Twilio trial account - "

BY_STATUS = {401: 20003}
"""Codes for answers in which the library does not read them."""

log = structlog.get_logger("sms")


def send(client: Client, setup: Setup, message: Outbound, callback: str | None) -> Sent:
    """Create the message at Twilio. Raises `SendRefused`, `SendFailed` or `SendUnknown`."""
    text = plain(message.text)
    fields: dict[str, Any] = {**_origin(setup, message.to), "to": message.to}
    if text:
        fields["body"] = text
    if message.media:
        fields["media_url"] = [media.url for media in message.media]
    if callback:
        fields["status_callback"] = callback
    try:
        sid = client.messages.create(**fields).sid
    except SendFailed:
        raise
    except Exception as error:  # the boundary to vendor code: what is not surely refused may have been sent
        raise failure(error) from error
    if not isinstance(sid, str) or not MESSAGE_SID.fullmatch(sid):
        raise SendUnknown("Twilio's answer does not name the message")
    log.info("sms_accepted", message=message.id, segments=segments(text), files=len(message.media))
    return Sent(sid)


def failure(error: Exception) -> SendRefused | SendFailed | SendUnknown:
    """What a failed call means for the message. Twilio may have taken it before it answered 5xx, or nothing."""
    if not isinstance(error, TwilioException):
        return SendFailed(explain(error)) if never_left(error) else SendUnknown(explain(error))
    status, code = _status(error), getattr(error, "code", None)
    if not 400 <= status < 500 or status == 408:
        return SendUnknown(f"Twilio answered {status}" if status else "Twilio's answer was not understood")
    code = code if isinstance(code, int) and code > 999 else BY_STATUS.get(status)
    if code in SLOW_DOWN:
        return SendFailed(words(code, "too many messages at once"))
    broken = is_alert(code) or status in (401, 403, 404)
    text = words(code, str(getattr(error, "msg", "") or getattr(error, "title", "")))
    return SendRefused(text, code=str(code or status), opted_out=code in OPTED_OUT, alert=broken)


def find_sent(
    client: Client,
    setup: Setup,
    message: Outbound,
    known: Callable[[], Collection[str]],
    sleep: Callable[[float], None] = time.sleep,
) -> Sent | None:
    """The message among those Twilio has; None when it surely has it not. Raises `SendUnknown`.

    `known` are ids of other messages to this customer: an equal text that was sent before is not this one.
    """
    if message.recorded_at is None:
        raise SendUnknown("it is not known when the message was written")
    since = message.recorded_at - CLOCK_SKEW
    begun, reason = time.monotonic(), None
    for pause in PAUSES:
        sleep(pause)
        try:
            if sid := _listed(client, setup, message, since, known()):
                return Sent(sid)
            reason = None
        except Exception as error:  # the boundary to vendor code: whatever failed, Twilio could not be asked
            reason = error if isinstance(error, SendFailed) else failure(error)
            if isinstance(reason, SendRefused) or time.monotonic() - begun > PATIENCE:
                break
    if reason is not None:  # the last look counts: a list that was read before that may have lagged
        raise SendUnknown(f"Twilio could not be asked: {reason}") from reason
    return None


def _status(error: TwilioException) -> int:
    """The HTTP status of an answer that the library did not like; 0 if there is none."""
    response = next((each for each in error.args if hasattr(each, "status_code")), None)  # a page of a list
    status = getattr(error, "status", None) or getattr(response, "status_code", None)
    return status if isinstance(status, int) else 0


def _listed(client: Client, setup: Setup, message: Outbound, since: datetime, known: Collection[str]) -> str | None:
    """Not filtered by date at Twilio: its filter is for the date of sending, which a queued message has not yet."""
    wanted = plain(message.text).strip()
    origin = {} if setup.service else _origin(setup, message.to)
    for found in client.messages.stream(to=message.to, limit=MOST_LOOKED_AT, page_size=50, **origin):
        made = found.date_created
        if made is None or made < since - timedelta(hours=1):
            break  # the newest come first
        service = found.messaging_service_sid
        if (
            made >= since
            and found.status not in NOT_SENT
            and found.sid not in known
            and (not setup.service or service == setup.service)
            and (found.body or "").strip().removeprefix(TRIAL) == wanted
        ):
            return str(found.sid)
    return None


def _origin(setup: Setup, to: str) -> dict[str, str]:
    """Who sends: the service, or else the number, on the channel of the customer's address (`whatsapp:+1...`)."""
    if setup.service:
        return {"messaging_service_sid": setup.service}
    channel, colon, _ = to.rpartition(":")
    return {"from_": f"{channel}{colon}{setup.number}"}
