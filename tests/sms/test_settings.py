"""What an admin may set, and what is said about mistakes."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from plugins.twilio_sms.channel import Sms
from plugins.twilio_sms.settings import TwilioSettings, setup_of
from receptionist import Line
from tests.servers.twilio_server import ACCOUNT, NUMBER, TOKEN
from tests.sms.fake_host import SERVICE, FakeHost

OTHER = "AC" + "f" * 32
FROM_ENVIRONMENT = {"twilio_account_sid": ACCOUNT, "twilio_auth_token": TOKEN, "twilio_phone_number": NUMBER}


def setup(given: dict[str, Any], **installation: Any) -> Any:
    """What a line comes to."""
    channel = Sms(FakeHost(**installation))
    return channel.setup(Line(1, 1, "", "sms", "key", "", "", channel.Settings.model_validate(given)))


def test_a_line_of_its_own() -> None:
    found = setup({"account_sid": ACCOUNT, "auth_token": TOKEN, "phone_number": "+1 (202) 883-1111"})
    assert (found.account_sid, found.tokens, found.number, found.service) == (ACCOUNT, (TOKEN,), NUMBER, "")


def test_all_from_the_environment() -> None:
    found = setup({}, **FROM_ENVIRONMENT)
    assert (found.account_sid, found.tokens, found.number) == (ACCOUNT, (TOKEN,), NUMBER)


def test_a_service_needs_no_number() -> None:
    found = setup({"messaging_service_sid": SERVICE}, **FROM_ENVIRONMENT)
    assert (found.number, found.service) == ("", SERVICE)


def test_both_tokens() -> None:
    assert setup({"second_auth_token": "b" * 32}, **FROM_ENVIRONMENT).tokens == (TOKEN, "b" * 32)


@pytest.mark.parametrize(
    ("given", "installation", "reason"),
    [
        ({}, {}, "set account_sid, or TWILIO_ACCOUNT_SID"),
        ({"account_sid": ACCOUNT}, {}, f"set auth_token of {ACCOUNT}"),
        ({"account_sid": OTHER, "phone_number": NUMBER}, FROM_ENVIRONMENT, f"set auth_token of {OTHER}"),
        ({"account_sid": OTHER, "auth_token": "x"}, FROM_ENVIRONMENT, "set phone_number or messaging_service_sid"),
        ({"account_sid": ACCOUNT, "auth_token": TOKEN}, {}, "set phone_number or messaging_service_sid"),
        ({"account_sid": "AC123"}, {}, "an account SID is AC and 32"),
        ({"account_sid": "SK" + "0" * 32}, {}, "an account SID is AC and 32"),
        ({"messaging_service_sid": "MG1"}, {}, "a messaging service SID is MG and 32"),
        ({"phone_number": "2028831111"}, {}, r"write the number with \+ and country code"),
        ({"phone_number": "+1202883111\u0661"}, {}, r"write the number with \+ and country code"),
        ({"auth_token": "two words"}, {}, "characters that no token has"),
        ({"fone": NUMBER}, {}, "not permitted"),
    ],
)
def test_mistakes_are_named(given: dict[str, Any], installation: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason) as caught:
        setup(given, **installation)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["api.twilio.com", "ftp://a", "https://a/b", "https://u:p@a", "https://a?b", "https://", "https://@a"]
)
def test_a_base_url_is_a_plain_origin(url: str) -> None:
    with pytest.raises(ValidationError, match="write it like"):
        TwilioSettings(_env_file=None, twilio_base_url=url)


def test_the_library_is_not_imported_at_the_start() -> None:
    import subprocess
    import sys

    source = (
        "import sys; from plugins.twilio_sms import Sms; "
        "print([name for name in ('twilio', 'requests') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True, timeout=30)
    assert result.stdout.strip() == "[]"


def test_setup_is_the_check() -> None:
    settings = TwilioSettings(_env_file=None, **FROM_ENVIRONMENT)
    channel = Sms(FakeHost(**FROM_ENVIRONMENT))
    assert setup_of(channel.Settings(), settings).number == NUMBER
