"""The web chat passes the channel suite."""

from __future__ import annotations

from receptionist.testing import ChannelSuite, WebChatCase


class TestWebChat(ChannelSuite):
    case = WebChatCase()
