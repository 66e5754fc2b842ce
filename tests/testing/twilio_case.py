"""The case of the SMS channel: a strict imitation of Twilio behind it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from twilio.request_validator import RequestValidator

from receptionist.testing import FORM, ChannelCase, Delivered, Incoming, Request, TestLine
from tests.servers.twilio_rules import Refusal
from tests.servers.twilio_server import Delivery, Reports, TwilioServer
from tests.servers.twilio_store import Message
from tests.servers.twilio_webhooks import inbound_fields, status_fields
from tests.servers.twilio_wire import Exchange

PUBLIC_URL = "https://bot.example.test"


class TwilioVendor(TwilioServer):
    """Twilio, as the suite tells it to behave."""

    _refuse = False
    _action: Callable[[Delivered], None] | None = None

    def delivered(self) -> list[Delivered]:
        """What Twilio accepted."""
        return [_delivered(message) for message in self.sent]

    def lose_answer(self) -> None:
        """Accept the next message, and reset the connection."""
        self.fail("accept_then_cut")

    def refuse(self) -> None:
        """Refuse the next message's number."""
        self._refuse = True

    def meanwhile(self, action: Callable[[Delivered], None]) -> None:
        """Call `action` where Twilio reports a message before it answers."""
        self.reports, self._action = Reports("queued", before=1), action

    def answer(self, exchange: Exchange) -> None:
        if exchange.command == "POST" and self._refuse:
            self._refuse = False
            raise Refusal(400, 21211, "The 'To' number is not a valid phone number")
        super().answer(exchange)

    def report(
        self, message: Message, status: str, error_code: int | None = None, url: str | None = None
    ) -> Delivery | None:
        action, self._action = self._action, None
        if action is None:
            return super().report(message, status, error_code, url)
        self.reports = Reports()
        action(_delivered(message))
        return None


def _delivered(message: Message) -> Delivered:
    return Delivered(message.sid, message.to, message.body)


class TwilioCase(ChannelCase):
    """Forms signed over their URL, one message in each; a number of its own for each line."""

    channel: ClassVar[str] = "sms"
    content_type: ClassVar[str] = FORM
    stop_word: ClassVar[str] = "STOP"
    start_word: ClassVar[str] = "START"

    def vendor(self) -> TwilioVendor:
        self._twilio = TwilioVendor(numbers=())
        return self._twilio

    def installation(self, vendor: str) -> Mapping[str, str]:
        return {"TWILIO_BASE_URL": vendor, "PUBLIC_URL": PUBLIC_URL}

    def settings(self, vendor: str) -> Mapping[str, Any]:
        number = f"+1202883{1000 + len(self._twilio.numbers)}"
        self._twilio.numbers.append(number)
        return {"account_sid": self._twilio.account, "auth_token": self._twilio.token, "phone_number": number}

    def payload(self, line: TestLine, messages: Sequence[Incoming]) -> Any:
        [message] = messages
        sid = "SM" + re.sub("[^0-9a-f]", "", message.id)
        number = line.settings["phone_number"]
        return inbound_fields(Message(self._twilio.account, number, message.sender, message.text, sid), "", None)

    def headers(self, line: TestLine, url: str, body: bytes) -> Mapping[str, str]:
        fields = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
        signature = RequestValidator(line.settings["auth_token"]).compute_signature(url, fields)
        return {"X-Twilio-Signature": signature}

    def receipt(self, line: TestLine, delivered: Delivered, status: str) -> Request:
        [message] = [message for message in self._twilio.sent if message.sid == delivered.id]
        code = 30003 if status == "failed" else None
        fields = status_fields(message, "undelivered" if status == "failed" else status, code)
        return self.signed(line, fields, urlsplit(message.status_callback or "").query)
