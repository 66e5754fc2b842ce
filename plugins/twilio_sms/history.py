"""Messages that Twilio has and we perhaps have not: it calls a webhook that fails once more at most."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from receptionist import Attachment, Inbound

from .inbound import MAX_FILES, MESSAGE_SID, is_for, make_inbound, media_type
from .settings import Setup

if TYPE_CHECKING:
    from twilio.rest import Client  # type: ignore[import-untyped]


def missed(client: Client, setup: Setup, base_url: str, since: datetime) -> list[Inbound]:
    """What came in from `since` on, oldest first. Raises whatever the client raises.

    A service has no filter at Twilio, so without a number of its own a line looks through the whole account's.
    """
    found = [
        message
        for listed in _inbound_since(client, setup, since)
        if (message := _message(client, setup, base_url, listed)) is not None
    ]
    return found[::-1]


def _inbound_since(client: Client, setup: Setup, since: datetime) -> Iterator[Any]:
    """Newest first. Twilio's filter is asked for the whole day: that it knows times of day is not documented."""
    to = {} if setup.service else {"to": setup.number}
    start = since.replace(microsecond=0)
    for listed in client.messages.stream(date_sent_after=start.date(), page_size=200, **to):
        times = [time for time in (listed.date_created, listed.date_sent) if time is not None]
        if not times or max(times) < start:  # a scheduled message was made long before it is listed among the newest
            return
        if listed.direction == "inbound" and is_for(setup, listed.to or "", listed.messaging_service_sid or ""):
            yield listed


def _message(client: Client, setup: Setup, base_url: str, listed: Any) -> Inbound | None:
    if not MESSAGE_SID.fullmatch(listed.sid or ""):
        return None
    files: tuple[Attachment, ...] = ()
    if (listed.num_media or "0") != "0":
        files = tuple(
            Attachment(media_type(media.content_type or ""), base_url + media.uri.removesuffix(".json"))
            for media in client.messages(listed.sid).media.list(limit=MAX_FILES)
        )
    return make_inbound(setup, listed.sid, listed.from_ or "", listed.body or "", files, sent_at=listed.date_created)
