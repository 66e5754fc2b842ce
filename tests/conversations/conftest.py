"""The channels that conversations here take place on."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from receptionist.testing import ChannelCase, WebChatCase
from tests.testing.twilio_case import TwilioCase


@pytest.fixture
def conversation_channels() -> Mapping[str, ChannelCase]:
    """The web chat, and text messages with a stand-in for Twilio."""
    return {"webchat": WebChatCase(), "sms": TwilioCase()}
