"""What `doctor` says of Twilio, with the cure."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.twilio_sms.health import checks, reachable
from plugins.twilio_sms.settings import TwilioSettings
from tests.servers.local_server import Exchange
from tests.servers.twilio_server import ACCOUNT, NUMBER, TOKEN
from tests.sms.api import Api
from tests.sms.fake_host import KEY, PUBLIC, FakeHost

ENVIRONMENT = {"twilio_account_sid": ACCOUNT, "twilio_auth_token": TOKEN, "twilio_phone_number": NUMBER}
OURS = f"{PUBLIC}/webhooks/sms/{KEY}"


def say(api: Api, status: str = "active", numbers: list[dict[str, Any]] | None = None) -> list[str]:
    """Let the API have this account and these numbers; gives what is asked."""
    asked: list[str] = []

    def answer(exchange: Exchange) -> None:
        asked.append(f"{exchange.command} {exchange.path}")
        if "IncomingPhoneNumbers" in exchange.path:
            exchange.answer(200, {"incoming_phone_numbers": numbers or [], "next_page_uri": None})
        else:
            exchange.answer(200, {"sid": ACCOUNT, "status": status})

    api.answering = answer
    return asked


def problems(api: Api | None, public_url: str = PUBLIC, **settings: Any) -> dict[str, str]:
    """What the checks find."""
    where = {"twilio_base_url": api.url} if api else {}
    host = FakeHost(public_url, **{**where, **settings})
    found = {name: check() for name, check in checks(host, host.settings(TwilioSettings)).items()}
    return {name: problem for name, problem in found.items() if problem}


def test_all_is_well_and_nothing_is_changed(api: Api) -> None:
    asked = say(api, numbers=[{"phone_number": NUMBER, "sms_url": f"{OURS}#rc=3&rp=all", "sms_method": "POST"}])
    assert problems(api, **ENVIRONMENT) == {}
    assert len(asked) == 2
    assert all(line.startswith("GET /2010-04-01/Accounts/") for line in asked)
    assert NUMBER.strip("+") in asked[1]


def test_without_an_account_in_the_environment_nothing_is_asked() -> None:
    assert problems(None) == {}
    assert problems(None, twilio_base_url="https://api.dublin.ie1.twilio.com") == {}


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([], f"no number {NUMBER}"),
        ([{"sms_url": "https://demo.twilio.com/welcome/sms/reply"}], "calls https://demo.twilio.com"),
        ([{"sms_url": ""}], "calls no webhook"),
        ([{"sms_url": None}], "calls no webhook"),
        ([{"sms_url": OURS.replace("https", "http")}], "calls http:"),
        ([{"sms_url": OURS, "sms_method": "GET"}], "with GET"),
        ([{"sms_url": OURS + "x"}], "no such line"),
    ],
)
def test_a_number_that_does_not_call_us(api: Api, numbers: list[dict[str, Any]], words: str) -> None:
    say(api, numbers=numbers)
    (problem,) = problems(api, **ENVIRONMENT).values()
    assert words in problem
    assert (
        "TWILIO_PHONE_NUMBER" in problem if not numbers else f"Webhook, {PUBLIC}/webhooks/sms/KEY, HTTP POST" in problem
    )


def test_wrong_credentials(api: Api) -> None:
    api.say(401, {"code": 20003, "message": "Authenticate", "status": 401})
    found = problems(api, **ENVIRONMENT)
    assert found["credentials"].startswith("Twilio could not be asked: Twilio does not accept the credentials")
    assert TOKEN not in str(found)


def test_a_suspended_account(api: Api) -> None:
    say(api, status="suspended")
    assert "suspended" in problems(api, twilio_account_sid=ACCOUNT, twilio_auth_token=TOKEN)["credentials"]


@pytest.mark.parametrize("body", [b"<html>", b"[]", b""])
def test_an_unreadable_answer_is_a_finding(api: Api, body: bytes) -> None:
    api.say(200, body)
    assert problems(api, **ENVIRONMENT).keys() == {"credentials", "webhook"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"twilio_auth_token": TOKEN}, "TWILIO_ACCOUNT_SID is missing"),
        ({"twilio_phone_number": NUMBER}, "TWILIO_ACCOUNT_SID is missing"),
        ({"twilio_account_sid": ACCOUNT}, "TWILIO_AUTH_TOKEN is missing"),
    ],
)
def test_half_of_the_settings(settings: dict[str, str], words: str) -> None:
    (problem,) = problems(None, **settings).values()
    assert words in problem


@pytest.mark.parametrize(
    ("url", "can"),
    [
        ("https://bot.example.com", True),
        ("http://bot.example.com", True),
        ("https://203.0.113.5", False),
        ("https://8.8.8.8", True),
        ("http://127.0.0.1:8000", False),
        ("http://[::1]:8000", False),
        ("https://10.0.0.5", False),
        ("http://localhost:8000", False),
        ("http://box.local", False),
        ("http://web:8000", False),
    ],
)
def test_reachable(url: str, can: bool) -> None:
    assert reachable(url, TwilioSettings(_env_file=None)) is can
    assert reachable(url, TwilioSettings(_env_file=None, twilio_base_url="http://127.0.0.1:9001"))


@pytest.mark.parametrize(
    ("url", "words"), [("http://127.0.0.1:8000", "cannot call"), ("http://bot.example.com", "use https")]
)
def test_the_public_address(url: str, words: str) -> None:
    settings = TwilioSettings(_env_file=None, twilio_account_sid=ACCOUNT, twilio_auth_token=TOKEN)
    assert words in (checks(FakeHost(url), settings)["public address"]() or "")
