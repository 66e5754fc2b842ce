"""What `doctor` is told about Twilio. All checks only read, within five seconds each."""

from __future__ import annotations

import ipaddress
import urllib.parse
from collections.abc import Callable

from receptionist import Host, NotFound

from .settings import Setup, SmsLine, TwilioSettings, setup_of

SECONDS = 5.0


def reachable(public_url: str, settings: TwilioSettings) -> bool:
    """Whether Twilio can call this address. A stand-in for Twilio on this machine can call any."""
    host = urllib.parse.urlsplit(public_url).hostname or ""
    try:
        local = not ipaddress.ip_address(host).is_global
    except ValueError:
        local = host == "localhost" or host.endswith((".localhost", ".local")) or "." not in host
    return not (local and settings.is_twilio)


def checks(host: Host, settings: TwilioSettings) -> dict[str, Callable[[], str | None]]:
    """The checks of the account in the environment; none when there is none."""
    if not settings.model_fields_set - {"twilio_base_url"}:
        return {}
    return {
        "settings": lambda: settings_problem(settings),
        "public address": lambda: address_problem(host.public_url, settings),
        "credentials": lambda: _with_setup(settings, credentials_problem),
        "webhook": lambda: _with_setup(settings, lambda setup, _: webhook_problem(host, setup, settings)),
    }


def settings_problem(settings: TwilioSettings) -> str | None:
    """What the environment lacks. No network. A number may be left to the lines."""
    if not settings.twilio_account_sid:
        return "TWILIO settings are there, but TWILIO_ACCOUNT_SID is missing: set it."
    return None if settings.twilio_auth_token else "TWILIO_AUTH_TOKEN is missing: set it."


def address_problem(public_url: str, settings: TwilioSettings) -> str | None:
    """Whether Twilio can call us, and whether texts are safe on the way. No network."""
    if not reachable(public_url, settings):
        return f"Twilio cannot call {public_url}: set PUBLIC_URL to the https address that the internet reaches."
    if not public_url.startswith("https://") and settings.is_twilio:
        return f"PUBLIC_URL is {public_url}: use https, or what customers write goes over the internet in the clear."
    return None


def _with_setup(settings: TwilioSettings, check: Callable[[Setup, TwilioSettings], str | None]) -> str | None:
    """The check, on what the environment alone comes to; what it lacks is said by another check."""
    try:
        setup = setup_of(SmsLine(), settings)
    except ValueError:
        if settings_problem(settings) or settings.twilio_phone_number:
            return None
        setup = setup_of(SmsLine(phone_number="+10000000000"), settings)
    try:
        return check(setup, settings)
    except Exception as error:  # the boundary to vendor code; a check that cannot run is a finding
        from .sending import failure

        return f"Twilio could not be asked: {failure(error)}."


def credentials_problem(setup: Setup, settings: TwilioSettings) -> str | None:
    """Whether Twilio knows the account and takes its token."""
    from .transport import Connections

    client = Connections(settings.twilio_base_url).client(setup, SECONDS)
    account = client.api.accounts(setup.account_sid).fetch()
    if account.status != "active":
        return f"The Twilio account is {account.status}: look at the Console."
    return None


def webhook_problem(host: Host, setup: Setup, settings: TwilioSettings) -> str | None:
    """Whether the number calls a line of this installation."""
    from .transport import Connections

    if not settings.twilio_phone_number:
        return None
    client = Connections(settings.twilio_base_url).client(setup, SECONDS)
    numbers = client.incoming_phone_numbers.list(phone_number=setup.number, limit=1)
    if not numbers:
        return f"The account has no number {setup.number}: check TWILIO_PHONE_NUMBER."
    address = f"{host.public_url}/webhooks/sms/"
    cure = (
        f"In the Twilio Console open Phone Numbers, Active numbers, {setup.number}, Messaging configuration, and set "
        f"'A message comes in' to Webhook, {address}KEY, HTTP POST; `receptionist line list` shows the KEY"
    )
    url = (numbers[0].sms_url or "").partition("#")[0]
    if not url.startswith(address):
        return f"{setup.number} calls {url or 'no webhook'}. {cure}."
    if (numbers[0].sms_method or "POST") != "POST":
        return f"{setup.number} calls its webhook with {numbers[0].sms_method}. {cure}."
    try:
        host.line("sms", url.removeprefix(address))
    except NotFound:
        return f"{setup.number} calls {url}, but there is no such line. {cure}."
    return None
