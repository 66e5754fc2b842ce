"""Webhooks as Twilio signs them, written without the library: HMAC over the URL and the sorted fields."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from receptionist import WebhookRequest
from tests.servers.twilio_server import ACCOUNT, NUMBER, TOKEN
from tests.sms.fake_host import CUSTOMER, KEY, PUBLIC

FORM = "application/x-www-form-urlencoded; charset=utf-8"
URL = f"{PUBLIC}/webhooks/sms/{KEY}"
SID = "SM" + "0123456789abcdef" * 2
Pairs = Sequence[tuple[str, str]]


def signature(url: str, pairs: Pairs, token: str = TOKEN, algorithm: str = "sha1") -> str:
    """X-Twilio-Signature of a form: names sorted, each with its distinct values sorted."""
    values: dict[str, set[str]] = {}
    for name, value in pairs:
        values.setdefault(name, set()).add(value)
    text = url.partition("#")[0] + "".join(name + value for name in sorted(values) for value in sorted(values[name]))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), algorithm).digest()).decode()


def webhook(body: bytes, sign: str, url: str = URL, content_type: str = FORM, **headers: str) -> WebhookRequest:
    """A request with this signature; further headers with `_` for `-`."""
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    query = dict(reversed(parse_qsl(urlsplit(url).query, keep_blank_values=True)))
    return WebhookRequest(
        "POST", url, {"content-type": content_type, "x-twilio-signature": sign, **more}, query, body, "54.172.60.0"
    )


def signed(pairs: Pairs, url: str = URL, **more: Any) -> WebhookRequest:
    """A form, signed as Twilio does."""
    return webhook(urlencode(pairs).encode(), signature(url, pairs), url, **more)


def text_fields(**changes: str | None) -> list[tuple[str, str]]:
    """The fields of a text that came in; None takes one out."""
    fields: dict[str, str | None] = {
        "ToCountry": "US",
        "ToCity": "",
        "SmsMessageSid": SID,
        "NumMedia": "0",
        "SmsSid": SID,
        "SmsStatus": "received",
        "Body": "Are you open?",
        "To": NUMBER,
        "NumSegments": "1",
        "MessageSid": SID,
        "AccountSid": ACCOUNT,
        "From": CUSTOMER,
        "ApiVersion": "2010-04-01",
        **changes,
    }
    return [(name, value) for name, value in fields.items() if value is not None]


def status_fields(status: str, code: str | None = None, **changes: str | None) -> list[tuple[str, str]]:
    """The fields of a status callback."""
    fields: dict[str, str | None] = {
        "SmsSid": SID,
        "SmsStatus": status,
        "MessageStatus": status,
        "To": CUSTOMER,
        "MessageSid": SID,
        "AccountSid": ACCOUNT,
        "From": NUMBER,
        "ApiVersion": "2010-04-01",
        "ErrorCode": code,
        **changes,
    }
    return [(name, value) for name, value in fields.items() if value is not None]


def json_url(body: bytes, url: str = URL) -> str:
    """The URL that Twilio calls with a body that is no form."""
    return f"{url}?bodySHA256={hashlib.sha256(body).hexdigest()}"
