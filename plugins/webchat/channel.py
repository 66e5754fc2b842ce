"""The channel: whose message it is, and what it says."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from receptionist import (
    Capabilities,
    Channel,
    Host,
    Inbound,
    Invalid,
    Line,
    NotAllowed,
    Refused,
    Sender,
    WebhookRequest,
    network_of,
)

from .identity import read_token
from .origins import is_allowed
from .settings import TEXT_LIMIT, WebChatLine

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SURROGATE = re.compile("[\ud800-\udfff]")


class WebChat(Channel):
    """Chat on the business's own website. The widget fetches recorded messages, so recording is delivering."""

    name = "webchat"
    title = "Website chat"
    capabilities = Capabilities(
        delivery="pull", idempotent_send=True, streaming=True, text_limit=TEXT_LIMIT, burst_seconds=0.8, choices=6
    )
    Settings = WebChatLine

    def verify(self, request: WebhookRequest, line: Line) -> None:
        """Check the page's origin and the visitor's token, and count the message against the limits."""
        check_origin(self.host, line, request.headers)
        sender = bearer(self.host, line, request.headers)
        settings = line.settings
        self.host.limit("webchat-visitor", f"{line.id}/{sender.address}", settings.messages_per_minute)
        network = f"{line.id}/{network_of(request.remote_address)}"
        self.host.limit("webchat-network", network, max(60, settings.line_messages_per_minute // 4))
        self.host.limit("webchat-line", str(line.id), settings.line_messages_per_minute)

    def parse(self, request: WebhookRequest, line: Line) -> Sequence[Inbound]:
        """The one message in the request: `{"id": <UUID made by the widget>, "text": …}`, nothing else."""
        sender = bearer(self.host, line, request.headers)
        body = request.json()
        if set(body) != {"id", "text"}:
            raise Invalid("A message has an id and a text, and nothing else.")
        key, text = _message_id(body["id"]), _text(body["text"], line.settings.max_text)
        return [Inbound(provider_message_id=f"{sender.address}/{key}", sender=sender, text=text)]


def check_origin(host: Host, line: Line, headers: Mapping[str, str]) -> str | None:
    """The request's origin if its page may use the line; None for a page of our own that sends none.

    Raises `NotAllowed`. `headers` have lower-case names.
    """
    origin = headers.get("origin")
    if origin is None and headers.get("sec-fetch-site") == "same-origin":
        return None
    if origin is None or not is_allowed(origin, line.settings.allowed_origins, host.public_url):
        raise NotAllowed("This page may not use this chat. Add its origin to the line's allowed origins.")
    return origin


def bearer(host: Host, line: Line, headers: Mapping[str, str]) -> Sender:
    """The visitor whose token is in the `Authorization` header. Raises `Refused`."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Refused("The visitor token is missing.")
    return read_token(host, line, token.strip())


def _message_id(value: Any) -> str:
    if not isinstance(value, str) or not _UUID.fullmatch(value.lower()):
        raise Invalid("The id of a message must be a UUID.")
    return value.lower()


def _text(value: Any, limit: int) -> str:
    if not isinstance(value, str):
        raise Invalid("The text of a message must be a string.")
    if len(value) > limit:
        raise Invalid(f"A message may have {limit} characters.")
    if "\0" in value or _SURROGATE.search(value):
        raise Invalid("The text contains characters that are not text.")
    if not any(_is_visible(character) for character in value):
        raise Invalid("The text is empty.")
    return value


def _is_visible(character: str) -> bool:
    return unicodedata.category(character) not in {"Cc", "Cf", "Zs", "Zl", "Zp"}
