"""Channel `sms`: text messages, with pictures, by Twilio. How to set it up: docs/sms.md.

Twilio has no idempotency key for sending. After an outcome that is not known the list of sent messages is asked, so a
customer gets a text at least once, and twice only if Twilio's list lags behind by more than a few seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from receptionist import Channel, Host, Settings, hookimpl

from .channel import Sms
from .health import checks
from .settings import TwilioSettings


@hookimpl
def register_settings() -> Iterable[type[Settings]]:
    """The account that lines use which name none."""
    return [TwilioSettings]


@hookimpl
def register_channels(host: Host) -> Iterable[Channel]:
    """The channel "sms"."""
    return [Sms(host)]


@hookimpl
def register_health_checks(host: Host) -> Mapping[str, Callable[[], str | None]]:
    """Of the account in the environment: whether its credentials, its number and our address fit together."""
    return checks(host, host.settings(TwilioSettings))
