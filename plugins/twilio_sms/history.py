"""Messages that Twilio has and we perhaps have not: it calls a webhook that fails once more at most."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from receptionist import Attachment, FetchFailed, Inbound, SendFailed, SendRefused

from .inbound import MAX_FILES, MESSAGE_SID, is_for, make_inbound, media_type
from .sending import failure
from .settings import Setup

if TYPE_CHECKING:
    from twilio.rest import Client  # type: ignore[import-untyped]

PLACE = re.compile(
    r"https?://[^/]+/2010-04-01/Accounts/AC[0-9a-fA-F]{32}/Messages/((?:SM|MM)[0-9a-fA-F]{32})/Media#([0-9])"
)
"""A place in the list of a message's files: what the list of messages tells of a file. See `file_address`."""

GONE = ("404", "20404")


def missed(client: Client, setup: Setup, base_url: str, since: datetime) -> list[Inbound]:
    """What came in from `since` on, oldest first. Raises whatever the client raises.

    A service has no filter at Twilio, so without a number of its own a line looks through the whole account's.
    """
    found = [
        message
        for listed in _inbound_since(client, setup, since)
        if (message := _message(setup, base_url, listed)) is not None
    ]
    return found[::-1]


def file_address(client: Client, base_url: str, url: str) -> str:
    """Where a file is: `url` itself, or what Twilio lists at that place. Raises `FetchFailed`."""
    place = PLACE.fullmatch(url)
    if place is None:
        return url
    sid, number = place[1], int(place[2])
    try:
        files = client.messages(sid).media.list(limit=MAX_FILES)
    except Exception as error:  # the boundary to vendor code
        reason = error if isinstance(error, SendFailed) else failure(error)
        if isinstance(reason, SendRefused) and reason.code in GONE:
            raise FetchFailed("Twilio has the file no more") from error
        again = not isinstance(reason, SendRefused)
        raise FetchFailed(f"Twilio could not be asked for the file: {reason}", retryable=again) from error
    if number >= len(files):
        raise FetchFailed("Twilio has the file no more")
    return base_url + str(files[number].uri).removesuffix(".json")


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


def _message(setup: Setup, base_url: str, listed: Any) -> Inbound | None:
    """Twilio lists files apart, message by message: asked for here, one list that cannot be read would cost all
    messages, and most of them are known anyway. So each file is looked for when it is fetched."""
    if not MESSAGE_SID.fullmatch(listed.sid or ""):
        return None
    count = int(listed.num_media) if re.fullmatch(r"[0-9]{1,3}", listed.num_media or "") else 0
    place = f"{base_url}/2010-04-01/Accounts/{setup.account_sid}/Messages/{listed.sid}/Media#"
    files = tuple(Attachment(media_type(""), place + str(number)) for number in range(min(count, MAX_FILES)))
    return make_inbound(setup, listed.sid, listed.from_ or "", listed.body or "", files, sent_at=listed.date_created)
