"""For plugin authors: fixtures (`receptionist.testing.plugin`, which pytest finds by itself) and a suite for channels.

Needs pytest; nothing of Receptionist imports it at run time.
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("receptionist.testing.checks")

from receptionist.testing.case import (  # noqa: E402 - the checks' asserts explain themselves only if rewritten
    FORM,
    JSON,
    Accepted,
    Call,
    ChannelCase,
    Delivered,
    Incoming,
    Request,
    TestLine,
)
from receptionist.testing.suite import ChannelSuite  # noqa: E402
from receptionist.testing.vendor import HttpVendor, Vendor  # noqa: E402
from receptionist.testing.webchat import WebChatCase  # noqa: E402

__all__ = [
    "FORM",
    "JSON",
    "Accepted",
    "Call",
    "ChannelCase",
    "ChannelSuite",
    "Delivered",
    "HttpVendor",
    "Incoming",
    "Request",
    "TestLine",
    "Vendor",
    "WebChatCase",
]
