"""SMS by Twilio passes the channel suite."""

from __future__ import annotations

from receptionist.testing import ChannelSuite
from tests.testing.twilio_case import TwilioCase


class TestSms(ChannelSuite):
    case = TwilioCase()
