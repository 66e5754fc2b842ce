"""A host that knows no database: what the channel asks of core, and lines with settings of the test."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from plugins.twilio_sms.channel import Sms
from plugins.twilio_sms.settings import TwilioSettings
from receptionist import Line, NotFound, Sender, TranscriptMessage
from tests.servers.twilio_server import ACCOUNT, NUMBER, TOKEN

PUBLIC = "https://bot.example.test"
KEY = "line-key"
SERVICE = "MGdb23ec0f89ee2632e46e91d8128f5e2b"
CUSTOMER = "+14133881111"


class FakeHost:
    """The part of `receptionist.Host` that the channel uses."""

    def __init__(self, public_url: str = PUBLIC, **settings: Any) -> None:
        self.public_url = public_url
        self.lines = {KEY}
        self.sent: list[tuple[str, str]] = []
        self._settings = TwilioSettings(_env_file=None, **settings)

    def settings(self, kind: type[Any]) -> Any:
        """The installation's settings."""
        assert kind is TwilioSettings
        return self._settings

    def line(self, channel: str, key: str) -> Line:
        """A line that was named by the test."""
        if channel != "sms" or key not in self.lines:
            raise NotFound("There is no such line.")
        return make_line(Sms(self))

    def transcript(self, line: Line, sender: Sender, after: int = 0, limit: int = 100) -> Sequence[TranscriptMessage]:
        """What was marked as sent to this customer."""
        now = datetime.now(UTC)
        return [
            TranscriptMessage(number, "out", "", now, sid)
            for number, (address, sid) in enumerate(self.sent, 1)
            if address == sender.address
        ]


def make_line(channel: Sms, **settings: Any) -> Line:
    """A line of the account that the stand-in for Twilio has."""
    given = {"account_sid": ACCOUNT, "auth_token": TOKEN, "phone_number": NUMBER, **settings}
    return Line(1, 1, "Salón Aurora", "sms", KEY, "SMS", NUMBER, channel.Settings.model_validate(given))
