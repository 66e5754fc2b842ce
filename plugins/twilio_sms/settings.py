"""What an installation and a line decide about Twilio, and what both come to."""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from receptionist import LineSettings, Settings

TWILIO_URL = "https://api.twilio.com"
E164 = re.compile(r"\+[1-9][0-9]{6,14}")
ACCOUNT_SID = re.compile(r"AC[0-9a-fA-F]{32}")
SERVICE_SID = re.compile(r"MG[0-9a-fA-F]{32}")


def _account_sid(value: str) -> str:
    return _like(value, ACCOUNT_SID, "an account SID is AC and 32 digits or letters a-f; copy it from the Console")


def _service_sid(value: str) -> str:
    return _like(value, SERVICE_SID, "a messaging service SID is MG and 32 digits or letters a-f")


def _number(value: str) -> str:
    plain = re.sub(r"[ ().-]", "", value)
    return _like(plain, E164, "write the number with + and country code, like +12025550123 (E.164)")


def _like(value: str, pattern: re.Pattern[str], otherwise: str) -> str:
    value = value.strip()
    if value and not pattern.fullmatch(value):
        raise ValueError(otherwise)
    return value


def _token(value: SecretStr | None) -> SecretStr | None:
    token = value.get_secret_value().strip() if value else ""
    if not all("!" <= character <= "~" for character in token):
        raise ValueError("it holds characters that no token has; copy it again")
    return SecretStr(token) if token else None


AccountSid = Annotated[str, AfterValidator(_account_sid)]
ServiceSid = Annotated[str, AfterValidator(_service_sid)]
Number = Annotated[str, AfterValidator(_number)]
Token = Annotated[SecretStr | None, AfterValidator(_token)]


class TwilioSettings(Settings):
    """Settings of the whole installation, from the environment: for every line that has none of its own."""

    twilio_account_sid: AccountSid = Field(default="", description="The account of lines that name none.")
    twilio_auth_token: Token = Field(default=None, description="The auth token of that account.")
    twilio_phone_number: Number = Field(
        default="", description="The number (E.164) of lines of that account that name no number or service."
    )
    twilio_base_url: str = Field(
        default=TWILIO_URL,
        description="Where Twilio's API is: a regional address such as https://api.dublin.ie1.twilio.com, or a "
        "stand-in for tests. The auth token goes there.",
    )

    @field_validator("twilio_base_url")
    @classmethod
    def _origin(cls, value: str) -> str:
        value = value.strip().rstrip("/")
        parts = urllib.parse.urlsplit(value)
        plain = parts.scheme in ("http", "https") and parts.hostname and not (parts.path or parts.query)
        if not plain or parts.username is not None:
            raise ValueError(f"write it like {TWILIO_URL} (http or https, no path, no login)")
        return value.lower()

    @property
    def is_twilio(self) -> bool:
        """Whether the API is Twilio's own, not a stand-in."""
        host = urllib.parse.urlsplit(self.twilio_base_url).hostname or ""
        return host == "twilio.com" or host.endswith(".twilio.com")


class SmsLine(LineSettings):
    """The settings of one line; each that is empty comes from the environment."""

    account_sid: AccountSid = Field(
        default="", description="The account that owns the number; empty: TWILIO_ACCOUNT_SID."
    )
    auth_token: Token = Field(default=None, description="Its primary auth token; empty: TWILIO_AUTH_TOKEN.")
    second_auth_token: Token = Field(
        default=None, description="The other auth token while tokens are rotated; both are good then."
    )
    phone_number: Number = Field(
        default="", description="The number, like +12025550123; empty: the service's, or TWILIO_PHONE_NUMBER."
    )
    messaging_service_sid: ServiceSid = Field(
        default="", description="The messaging service (MG...) to send with, which then chooses the number."
    )
    webhook_shared_key: Token = Field(
        default=None, description="Secret of a shared key, where Twilio signs webhooks with HMAC_SHA256."
    )


@dataclass(frozen=True, slots=True)
class Setup:
    """What a line works with: its own settings, and the installation's where it has none."""

    account_sid: str
    tokens: tuple[str, ...]
    number: str
    service: str
    shared_key: str


def setup_of(line: SmsLine, installation: TwilioSettings) -> Setup:
    """What both come to. Raises `ValueError` naming what is missing; no token is lent to another account."""
    account = line.account_sid or installation.twilio_account_sid
    if not account:
        raise ValueError("set account_sid, or TWILIO_ACCOUNT_SID for all lines")
    shared = account == installation.twilio_account_sid
    first = line.auth_token or (installation.twilio_auth_token if shared else None)
    if first is None:
        raise ValueError(f"set auth_token of {account}" + (", or TWILIO_AUTH_TOKEN for all lines" if shared else ""))
    number = line.phone_number
    if not number and not line.messaging_service_sid:
        number = installation.twilio_phone_number if shared else ""
        if not number:
            raise ValueError("set phone_number or messaging_service_sid (or TWILIO_PHONE_NUMBER for all lines)")
    tokens = [token.get_secret_value() for token in (first, line.second_auth_token) if token]
    shared_key = line.webhook_shared_key.get_secret_value() if line.webhook_shared_key else ""
    return Setup(account, tuple(tokens), number, line.messaging_service_sid, shared_key)


def line_settings(installation: TwilioSettings) -> type[SmsLine]:
    """`SmsLine`, which is complete only with what this installation's environment adds."""

    class CompleteSmsLine(SmsLine):
        """Checked when a line is added, changed or read."""

        @model_validator(mode="after")
        def _complete(self) -> Self:
            setup_of(self, installation)
            return self

    return CompleteSmsLine
