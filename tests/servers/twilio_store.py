"""Messages and media as Twilio keeps, shows and lists them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

from tests.servers.twilio_rules import Form, Refusal, segments

VERSION = "2010-04-01"
RANK = {"accepted": 0, "queued": 1, "sending": 2, "sent": 3, "delivered": 4, "undelivered": 4, "failed": 4, "read": 5}
PAGE_SIZES = range(1, 1001)
FILTERS = ("To", "From", "DateSent", "DateSent<", "DateSent>")
PAGING = ("PageSize", "Page", "PageToken")


def now() -> datetime:
    """The time as Twilio gives it: GMT, whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def new_sid(prefix: str) -> str:
    """A sid of this kind: `SM`, `MM`, `ME` …"""
    return prefix + secrets.token_hex(16)


@dataclass(eq=False)
class Media:
    """A picture or other file of a message."""

    content_type: str
    data: bytes
    sid: str = field(default_factory=lambda: new_sid("ME"))
    created: datetime = field(default_factory=now)


@dataclass(eq=False)
class Message:
    """A message that Twilio accepted (`direction` `outbound-api`, `outbound-reply`) or received (`inbound`).

    `form` is what was asked for, `media` what was fetched for it; `token` is the idempotency token of its webhook.
    """

    account: str
    to: str
    from_: str | None
    body: str
    sid: str
    status: str = "queued"
    direction: str = "outbound-api"
    service: str | None = None
    media: list[Media] = field(default_factory=list)
    form: Form | None = None
    error_code: int | None = None
    created: datetime = field(default_factory=now)
    sent: datetime | None = None
    token: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def uri(self) -> str:
        """The path of the message, without `.json`."""
        return f"/{VERSION}/Accounts/{self.account}/Messages/{self.sid}"

    @property
    def status_callback(self) -> str | None:
        """Where its status is reported to."""
        return self.form.status_callback if self.form else None

    def move_to(self, status: str, error_code: int | None = None) -> None:
        """Note a new status; one that comes late does not turn the message back."""
        if RANK.get(status, 9) >= RANK.get(self.status, 0):
            self.status, self.error_code = status, error_code
        if self.sent is None and RANK.get(status, 0) >= RANK["sent"]:
            self.sent = now()

    def document(self) -> dict[str, Any]:
        """The JSON of the Message resource."""
        media = len(self.form.media_urls) if self.form else len(self.media)
        pieces = segments(self.body) if self.from_ else 0
        return {
            "account_sid": self.account,
            "api_version": VERSION,
            "body": self.body,
            "date_created": format_datetime(self.created),
            "date_sent": format_datetime(self.sent) if self.sent else None,
            "date_updated": format_datetime(self.sent or self.created),
            "direction": self.direction,
            "error_code": self.error_code,
            "error_message": None,
            "from": self.from_,
            "messaging_service_sid": self.service,
            "num_media": str(media),
            "num_segments": str(pieces),
            "price": None,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": f"{self.uri}/Media.json"},
            "to": self.to,
            "uri": f"{self.uri}.json",
        }

    def media_document(self, media: Media) -> dict[str, Any]:
        """The JSON of a Media resource."""
        return {
            "account_sid": self.account,
            "content_type": media.content_type,
            "date_created": format_datetime(media.created),
            "date_updated": format_datetime(media.created),
            "parent_sid": self.sid,
            "sid": media.sid,
            "uri": f"{self.uri}/Media/{media.sid}.json",
        }


def page(path: str, key: str, query: Mapping[str, str], found: Sequence[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """One page of `found` (sid and document of each) as the 2010 API gives it. Raises `Refusal`."""
    size, number = _whole(query, "PageSize", 50), _whole(query, "Page", 0)
    size = min(max(size, PAGE_SIZES.start), PAGE_SIZES.stop - 1)
    start = 0
    if token := query.get("PageToken"):
        places = [place for place, (sid, _) in enumerate(found) if f"PA{sid}" == token]
        if not places:
            raise Refusal(400, 20001, f"PageToken {token} is of no page of this list")
        start = places[0] + 1
    elif number:
        raise Refusal(400, 20001, "A later Page needs the PageToken that came with the page before it")
    shown = found[start : start + size]
    filters = {name: value for name, value in query.items() if name not in PAGING}

    def uri(page: int, **more: str) -> str:
        return f"{path}?{urlencode({**filters, 'PageSize': size, 'Page': page, **more})}"

    following = uri(number + 1, PageToken=f"PA{shown[-1][0]}") if start + size < len(found) else None
    return {
        "end": start + max(len(shown) - 1, 0),
        "first_page_uri": uri(0),
        "next_page_uri": following,
        "page": number,
        "page_size": size,
        "previous_page_uri": None,
        key: [document for _, document in shown],
        "start": start,
        "uri": uri(number),
    }


def matches(message: Message, query: Mapping[str, str]) -> bool:
    """Whether the filters of a list let the message through. Raises `Refusal` for a date that is none.

    `DateSent<` and `DateSent>` include their own date: on the wire they are `DateSent<=…` and `DateSent>=…`.
    """
    if query.get("To", message.to) != message.to or query.get("From", message.from_) != message.from_:
        return False
    sent = message.sent or message.created
    for name, value in query.items():
        if name not in ("DateSent", "DateSent<", "DateSent>"):
            continue
        first, last = _span(value)
        if name == "DateSent" and sent.date() != first.date():
            return False
        if (name == "DateSent<" and sent > last) or (name == "DateSent>" and sent < first):
            return False
    return True


def check_query(query: Sequence[tuple[str, str]], allowed: Sequence[str]) -> dict[str, str]:
    """The query as a dictionary. Raises `Refusal` for names that Twilio does not have."""
    if strange := sorted({name for name, _ in query} - {*allowed, *PAGING}):
        raise Refusal(400, 20001, f"Unknown query parameters: {', '.join(strange)}")
    return dict(query)


def _span(text: str) -> tuple[datetime, datetime]:
    """The first and last second that a date, or a time of a day, means."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refusal(400, 20001, f"{text} is not a date like 2026-01-31 or 2026-01-31T13:00:00Z") from error
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return when, when + timedelta(hours=23, minutes=59, seconds=59) if len(text) == 10 else when


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise Refusal(400, 20001, f"{name} must be a whole number, not {text}")
    return int(text)
