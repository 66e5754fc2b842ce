"""Drop-in plugin: a push channel to the tests' fake vendor (`tests.servers.vendor_server.VendorServer`).

`kind` says what the vendor can do: "idempotent" (it knows our keys), "askable" (it lists what it sent) or "blind".
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

from receptionist import (
    Attachment,
    Capabilities,
    Channel,
    Echo,
    FetchFailed,
    File,
    Host,
    Inbound,
    Invalid,
    Line,
    LineSettings,
    Outbound,
    Receipt,
    Refused,
    Sender,
    SendFailed,
    SendRefused,
    SendUnknown,
    Sent,
    WebhookRequest,
    consent_word,
    hookimpl,
)


class LoopbackLine(LineSettings):
    """One line: the vendor's address, the secret it signs with, and what it can do."""

    vendor: str
    secret: SecretStr
    kind: Literal["idempotent", "askable", "blind"]


class Loopback(Channel):
    """Sends to the fake vendor by HTTP."""

    name = "loopback"
    title = "Loopback"
    capabilities = Capabilities(text_limit=400, burst_seconds=1.5, media=True)
    Settings = LoopbackLine

    def verify(self, request: WebhookRequest, line: Line) -> None:
        """HMAC-SHA256 over the raw body."""
        secret = line.settings.secret.get_secret_value().encode()
        wanted = hmac.new(secret, request.body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted.encode(), request.headers.get("x-signature", "").encode()):
            raise Refused("The signature is wrong.")

    def parse(self, request: WebhookRequest, line: Line) -> Sequence[Inbound | Receipt | Echo]:
        """`{"messages": [{"id", "from", "text", "files"?: [URL]}], "receipts"?: [{…}], "echoes"?: [{…}]}`."""
        body = request.json()
        if not body or set(body) - {"messages", "receipts", "echoes"}:
            raise Invalid("This is not a webhook of the vendor.")
        try:
            return [
                *(_inbound(message) for message in body.get("messages", [])),
                *(Receipt(**receipt) for receipt in body.get("receipts", [])),
                *(Echo(**echo) for echo in body.get("echoes", [])),
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise Invalid("This is not a list of messages.") from error

    def send(self, line: Line, message: Outbound) -> Sent:
        """Post the message; the line's `kind` says whether the vendor looks at its key."""
        dedup = line.settings.kind == "idempotent"
        body = {"key": message.key, "to": message.to, "text": message.text, "dedup": dedup}
        body["media"] = [media.url for media in message.media]
        status, headers, document = _call(line, "POST", "/send", body)
        if status == 429:
            raise SendFailed("slow down", float(headers.get("retry-after", "1")))
        if status >= 500:
            raise SendFailed(f"the vendor failed with {status}")
        if status == 410:
            raise SendRefused("the customer opted out", code="410", opted_out=True)
        if status >= 400:
            raise SendRefused(f"the vendor refused with {status}", code=str(status), alert=status == 403)
        if not isinstance(document, dict):
            raise SendUnknown("the vendor's answer makes no sense")
        return Sent(document["id"])

    def resolve_unknown(self, line: Line, message: Outbound) -> Sent | None:
        """Ask the vendor, if it can be asked."""
        if line.settings.kind == "idempotent":
            return None
        if line.settings.kind == "blind":
            raise SendUnknown("the vendor cannot tell")
        _, _, document = _call(line, "GET", "/sent", None)
        return Sent() if any(entry["key"] == message.key for entry in document) else None

    def can_tell(self, line: Line) -> bool:
        """All but the blind kind."""
        return bool(line.settings.kind != "blind")

    def fetch(self, line: Line, attachment: Attachment) -> File:
        """Files of the vendor only."""
        if not attachment.url.startswith(line.settings.vendor + "/"):
            raise FetchFailed("this is not the vendor's")
        path = attachment.url.removeprefix(line.settings.vendor)
        status, headers, document = _call(line, "GET", path, None)
        if status != 200:
            raise FetchFailed(f"the vendor says {status}")
        return File(json.dumps(document).encode(), headers["content-type"])

    def missed(self, line: Line, since: datetime) -> Sequence[Inbound]:
        """What the vendor could not deliver to this line."""
        _, _, document = _call(line, "GET", f"/missed/{line.key}", None)
        return [_inbound(message) for message in document]


def _inbound(message: dict[str, Any]) -> Inbound:
    fields = [message["id"], message["from"], message["text"]]
    if not all(isinstance(value, str) and value and value.isprintable() for value in fields):
        raise ValueError("texts were expected")
    files = tuple(Attachment("application/json", url) for url in message.get("files", []))
    return Inbound(fields[0], Sender(fields[1]), fields[2], attachments=files, consent=consent_word(fields[2]))


def _call(line: Line, method: str, path: str, body: Any) -> tuple[int, dict[str, str], Any]:
    place = urlsplit(line.settings.vendor)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=1.0)
    try:
        connection.connect()
    except OSError as error:
        raise SendFailed(f"the vendor cannot be reached: {error}") from error
    try:
        connection.request(method, path, json.dumps(body).encode())
        response = connection.getresponse()
        data = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise SendUnknown(f"the vendor did not answer: {error!r}") from error
    finally:
        connection.close()
    try:
        document = json.loads(data)
    except ValueError:
        document = None
    return response.status, {name.lower(): value for name, value in response.headers.items()}, document


@hookimpl
def register_channels(host: Host) -> list[Channel]:
    """The channel `loopback`."""
    return [Loopback(host)]
