"""The channel "sms": core's side of Twilio's Programmable Messaging."""

from __future__ import annotations

import functools
import time
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from receptionist import (
    Acknowledgement,
    Attachment,
    Capabilities,
    Channel,
    Echo,
    File,
    Host,
    Inbound,
    Invalid,
    Line,
    Outbound,
    Receipt,
    Refused,
    Sender,
    SendRefused,
    Sent,
    WebhookRequest,
)

from .gsm7 import plain, units
from .health import reachable
from .inbound import is_status, read_message, read_receipt
from .settings import Setup, SmsLine, TwilioSettings, line_settings, setup_of
from .signature import check_signature, is_form, read_form

if TYPE_CHECKING:
    from .transport import Connections

SEND_SECONDS = 10.0
RESOLVE_SECONDS = 14.0
MISSED_SECONDS = 60.0
LIST_SECONDS = 6.0


class Sms(Channel):
    """SMS and MMS by Twilio. Its library is imported at the first use, for it costs 0.4 seconds and 15 MB."""

    name = "sms"
    title = "SMS (Twilio)"
    capabilities = Capabilities(text_limit=1600, burst_seconds=3.0, media=True, reaches="phone")
    Settings = SmsLine
    address_setting = "phone_number"

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.installation = host.settings(TwilioSettings)
        self.Settings = line_settings(self.installation)  # type: ignore[misc]  # complete only with the environment

    @functools.cached_property
    def connections(self) -> Connections:
        """The way to Twilio, shared by all lines."""
        from .transport import Connections

        return Connections(self.installation.twilio_base_url)

    def setup(self, line: Line) -> Setup:
        """What the line works with."""
        return setup_of(line.settings, self.installation)

    def addresses(self, settings: SmsLine) -> Collection[str]:
        """The number and the messaging service: texts that were missed are looked up by either."""
        setup = setup_of(settings, self.installation)
        return {setup.number, setup.service} - {""}

    def verify(self, request: WebhookRequest, line: Line) -> None:
        """Twilio's signature over our public URL and the form, and that it is about the line's own account."""
        setup = self.setup(line)
        check_signature(request, setup)
        if is_form(request) and read_form(request).once("AccountSid") != setup.account_sid:
            raise Refused("The message is of another Twilio account: check account_sid.")

    def parse(self, request: WebhookRequest, line: Line) -> Sequence[Inbound | Receipt | Echo]:
        """One message, one receipt, or nothing of use."""
        if not is_form(request):
            raise Invalid("The body must be a form: set the webhook of the number to it.")
        form = read_form(request)
        found = read_receipt(form, request.query) if is_status(form) else read_message(form, self.setup(line))
        return [found] if found else []

    def acknowledge(self, request: WebhookRequest, line: Line) -> Acknowledgement:
        """An empty TwiML document: the reply follows by the API. A status callback wants none."""
        if is_status(read_form(request)):
            return Acknowledgement()
        return Acknowledgement(200, "text/xml", b'<?xml version="1.0" encoding="UTF-8"?><Response/>')

    def send(self, line: Line, message: Outbound) -> Sent:
        """One request, of 10 seconds at most."""
        from .sending import send

        setup = self.setup(line)
        can_call = reachable(self.host.public_url, self.installation)
        if message.media and not can_call:
            raise SendRefused(
                f"Twilio cannot fetch files from {self.host.public_url}: set PUBLIC_URL to a public https address",
                alert=True,
            )
        client = self.connections.client(setup, SEND_SECONDS)
        return send(client, setup, message, self.callback_url(line, message) if can_call else None)

    def callback_url(self, line: Line, message: Outbound) -> str:
        """Where Twilio reports the message; its key is in it, so that a report before our mark finds it too."""
        return f"{self.host.public_url}/webhooks/sms/{line.key}?key={quote(message.key, safe='')}"

    def resolve_unknown(self, line: Line, message: Outbound) -> Sent | None:
        """Look for the message in Twilio's list; within 15 seconds, as the list may lag."""
        from .sending import find_sent

        setup = self.setup(line)
        client = self.connections.client(setup, RESOLVE_SECONDS)
        return find_sent(client, setup, message, lambda: self._other_ids(line, message))

    def _other_ids(self, line: Line, message: Outbound) -> set[str]:
        """Twilio's ids of the other messages to this customer; a report may have brought this one's already."""
        said = self.host.transcript(line, Sender(message.to))
        ids = (each.provider_message_id for each in said if each.direction == "out" and each.id != message.id)
        return {sid for sid in ids if sid}

    def length(self, text: str) -> int:
        """As Twilio counts up to 1,600: UTF-16 units of the text as it is sent."""
        return units(plain(text))

    def fetch(self, line: Line, attachment: Attachment) -> File:
        """A file of an MMS."""
        from . import media
        from .history import file_address

        setup, base_url, deadline = self.setup(line), self.connections.base_url, time.monotonic() + media.SECONDS
        url = file_address(self.connections.client(setup, LIST_SECONDS), base_url, attachment.url)
        return media.fetch(self.connections.session(), base_url, setup, url, deadline)

    def missed(self, line: Line, since: datetime) -> Sequence[Inbound]:
        """What Twilio has from `since` on."""
        from .history import missed

        setup = self.setup(line)
        client = self.connections.client(setup, MISSED_SECONDS)
        return missed(client, setup, self.connections.base_url, since)
