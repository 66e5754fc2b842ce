"""Channel `bench`: a push channel that checks, reads and sends exactly as the floor does."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

import requests
from pydantic import Field

from bench.wire import send, signature
from receptionist import (
    Capabilities,
    Channel,
    Host,
    Inbound,
    Invalid,
    Line,
    Outbound,
    Refused,
    Sender,
    SendUnknown,
    Sent,
    Settings,
    WebhookRequest,
    hookimpl,
)


class BenchSettings(Settings):
    """Where the bench's vendor is."""

    bench_vendor: str = Field("", description="URL of the bench's vendor.")


class BenchChannel(Channel):
    """Signed webhooks in, sends out by `requests`."""

    name = "bench"
    title = "Bench"
    capabilities = Capabilities(idempotent_send=True)  # it can tell what became of a send, as SMS can

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._vendor = host.settings(BenchSettings).bench_vendor

    def verify(self, request: WebhookRequest, line: Line) -> None:
        """HMAC-SHA256 over the raw body."""
        given = request.headers.get("x-signature", "").encode()
        if not hmac.compare_digest(signature(request.body).encode(), given):
            raise Refused("The signature is wrong.")

    def parse(self, request: WebhookRequest, line: Line) -> Sequence[Inbound]:
        """`{"id", "from", "text"}`."""
        body = request.json()
        try:
            return [Inbound(body["id"], Sender(body["from"]), body["text"])]
        except KeyError as error:
            raise Invalid("This is no message.") from error

    def send(self, line: Line, message: Outbound) -> Sent:
        """Send it."""
        try:
            return Sent(send(self._vendor, message.to, message.text))
        except requests.RequestException as error:
            raise SendUnknown(str(error)) from error


@hookimpl
def register_settings() -> list[type[Settings]]:
    """Where the bench's vendor is."""
    return [BenchSettings]


@hookimpl
def register_channels(host: Host) -> list[Channel]:
    """The channel `bench`."""
    return [BenchChannel(host)]
