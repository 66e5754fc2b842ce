"""Fixtures of the SMS channel: a stand-in for Twilio, the channel on a fake host, and its line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from plugins.twilio_sms.channel import Sms
from receptionist import Line
from tests.servers.twilio_server import NUMBER, TwilioServer
from tests.sms.api import Api
from tests.sms.fake_host import SERVICE, FakeHost, make_line


@pytest.fixture
def twilio() -> Iterator[TwilioServer]:
    """Twilio, as far as this account sees it."""
    with TwilioServer(services={SERVICE: [NUMBER]}) as server:
        yield server


@pytest.fixture
def host(twilio: TwilioServer) -> FakeHost:
    """An installation that talks to the stand-in."""
    return FakeHost(twilio_base_url=twilio.url)


@pytest.fixture
def sms(host: FakeHost) -> Iterator[Sms]:
    """The channel."""
    channel = Sms(host)
    yield channel
    channel.connections.session().close()


@pytest.fixture
def line(sms: Sms) -> Line:
    """A line with the account's number."""
    return make_line(sms)


@pytest.fixture
def api() -> Iterator[Api]:
    """An API that answers as the test says."""
    with Api() as server:
        yield server
