"""Only what Twilio signed, for this account and this URL, comes in; and nothing hostile is an error of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from plugins.twilio_sms.channel import Sms
from plugins.twilio_sms.signature import MAX_FIELDS, spellings
from receptionist import Invalid, Refused, RequestError, WebhookRequest
from tests.servers.twilio_server import ACCOUNT, NUMBER, TOKEN
from tests.sms.fake_host import CUSTOMER, PUBLIC, FakeHost, make_line
from tests.sms.webhooks import SID, URL, json_url, signature, signed, text_fields, webhook

SECOND, SHARED = "f" * 32, "sample-shared-key-secret"
SETTINGS = "key=webhooks_sharedkey_01sample,algorithm="


def take_in(request: WebhookRequest, **settings: Any) -> list[Any]:
    """What the channel makes of a request, through both doors."""
    channel = Sms(FakeHost())
    line = make_line(channel, **settings)
    channel.verify(request, line)
    return list(channel.parse(request, line))


def test_our_signatures_are_those_of_the_library() -> None:
    fields = [("b", "2"), ("a", "é &="), ("b", ""), ("b", "2")]
    many = type("Many", (dict,), {"getlist": lambda self, name: [value for key, value in fields if key == name]})
    assert signature(URL, fields) == RequestValidator(TOKEN).compute_signature(URL, many(fields))


@pytest.mark.parametrize("signed_url", [URL, URL.replace(".test", ".test:443")])
def test_twilio_may_sign_the_usual_port(signed_url: str) -> None:
    fields = text_fields()
    assert take_in(webhook(urlencode(fields).encode(), signature(signed_url, fields)))


@pytest.mark.parametrize("signed_url", ["http://bot.test/x?y=1", "http://bot.test:80/x?y=1"])
@pytest.mark.parametrize("called_url", ["http://bot.test/x?y=1", "http://bot.test:80/x?y=1"])
def test_ports_of_http(signed_url: str, called_url: str) -> None:
    fields = text_fields()
    assert take_in(webhook(urlencode(fields).encode(), signature(signed_url, fields), called_url))


@pytest.mark.parametrize(
    ("url", "other"),
    [
        ("https://a.test/p", "https://a.test:443/p"),
        ("https://a.test:8443/p?q#f", "https://a.test/p?q"),
        ("http://[::1]:80/", "http://[::1]/"),
        ("https://[2001:db8::1]/", "https://[2001:db8::1]:443/"),
        ("https://u:p@a.test/", "https://u:p@a.test:443/"),
    ],
)
def test_spellings(url: str, other: str) -> None:
    assert spellings(url) == (url.partition("#")[0], other)


def test_blank_doubled_and_unknown_fields_are_signed() -> None:
    fields = [*text_fields(), ("Tag", "b"), ("Tag", "a"), ("Tag", "b"), ("New", ""), ("Néw", "é=&")]
    assert take_in(signed(fields))[0].text == "Are you open?"


@pytest.mark.parametrize(
    "tamper",
    [
        lambda body: body.replace(b"open", b"shut"),
        lambda body: body + b"&Extra=1",
        lambda body: body.replace(b"ToCity=&", b""),
        lambda body: body.replace(b"Body=Are+you+open%3F", b"Body="),
    ],
)
def test_a_changed_body_is_refused(tamper: Callable[[bytes], bytes]) -> None:
    fields = text_fields()
    body = urlencode(fields).encode()
    assert tamper(body) != body
    with pytest.raises(Refused):
        take_in(webhook(tamper(body), signature(URL, fields)))


@pytest.mark.parametrize(
    "url",
    [
        URL + "x",
        URL + "?key=message-1-1",
        URL.replace("https", "http"),
        URL.replace("bot.", "evil."),
        URL.replace(".test", ".test:8443"),
        PUBLIC + "/webhooks/voice/line-key",
    ],
)
def test_the_signature_of_another_url_is_refused(url: str) -> None:
    fields = text_fields()
    with pytest.raises(Refused):
        take_in(webhook(urlencode(fields).encode(), signature(url, fields)))


@pytest.mark.parametrize("sign", ["", "é", "\udcff", "x" * 28, "A" * 100_000, "\x00"])
def test_what_is_no_signature_is_refused(sign: str) -> None:
    with pytest.raises(Refused):
        take_in(webhook(urlencode(text_fields()).encode(), sign))


def test_both_tokens_are_good_while_they_are_rotated() -> None:
    fields = text_fields()
    request = webhook(urlencode(fields).encode(), signature(URL, fields, SECOND))
    with pytest.raises(Refused):
        take_in(request)
    assert take_in(request, second_auth_token=SECOND)


def test_a_shared_key_signs_with_sha256() -> None:
    fields = text_fields()
    body, sign = urlencode(fields).encode(), signature(URL, fields, SHARED, "sha256")
    request = webhook(body, sign, x_twilio_webhooks_signature_settings=SETTINGS + "HMAC_SHA256")
    assert take_in(request, webhook_shared_key=SHARED)
    with pytest.raises(Refused, match="webhook_shared_key"):
        take_in(request)
    with pytest.raises(Refused):  # the shared key is not good for the old way
        take_in(webhook(body, signature(URL, fields, SHARED)), webhook_shared_key=SHARED)


@pytest.mark.parametrize("algorithm", ["HMAC_MD5", "none", "", "HMAC_SHA256,algorithm=HMAC_MD5"])
def test_an_unknown_algorithm_is_refused(algorithm: str) -> None:
    request = signed(text_fields(), x_twilio_webhooks_signature_settings=SETTINGS + algorithm)
    with pytest.raises(Refused):
        take_in(request, webhook_shared_key=SHARED)


def test_a_json_body_is_checked_by_its_hash() -> None:
    body = b'{"text": "hello"}'
    url = json_url(body)
    good = webhook(body, signature(url, ()), url, "application/json")
    with pytest.raises(Invalid, match="form"):  # genuine, but nothing that we can read
        take_in(good)
    for bad in (
        webhook(body + b" ", signature(url, ()), url, "application/json"),
        webhook(body, signature(URL, ()), URL, "application/json"),
        webhook(body, signature(url + "&bodySHA256=x", ()), url + "&bodySHA256=x", "application/json"),
    ):
        with pytest.raises(Refused):
            take_in(bad)


def test_a_form_is_no_form_under_another_content_type() -> None:
    fields = text_fields()
    with pytest.raises(Refused):
        take_in(webhook(urlencode(fields).encode(), signature(URL, fields), content_type="text/plain"))


BODY_WITH_FROM = [("AccountSid", ACCOUNT), ("Body", f"HiFrom{CUSTOMER}"), ("MessageSid", SID), ("To", NUMBER)]


@pytest.mark.parametrize(
    "fields",
    [
        BODY_WITH_FROM,  # From folded into Body
        [*text_fields(MessageSid=None, To=None), ("MessageSid", f"{SID}To{NUMBER}")],
        [*text_fields(), ("MessageSid", SID)],
        [*text_fields(), ("Body", "STOP")],
        [*text_fields(), ("From", "+14133880000")],
        [*text_fields(), ("To", NUMBER)],
        [*text_fields(), ("NumMedia", "1")],
        [*text_fields(), ("MessagingServiceSid", ""), ("MessagingServiceSid", "x")],
        text_fields(Body=None),
        text_fields(From=None),
        text_fields(From=""),
        text_fields(From="+1413\u0663881111"),
        text_fields(From="+14133881111\n"),
        text_fields(From="evil:"),
        text_fields(MessageSid="SM" + "0" * 31),
        text_fields(MessageSid=SID.lower()),
        text_fields(MessageSid="SM" + "g" * 32),
        text_fields(MessageSid=SID + "\n"),
        text_fields(MessageSid="CA" + SID[2:]),
        text_fields(NumMedia="-1"),
        text_fields(NumMedia="\u0661"),
        text_fields(NumMedia="9" * 5000),
        text_fields(To="+12028832222"),
        text_fields(To=f"{CUSTOMER}", From=NUMBER),
        text_fields(AccountSid=None),
    ],
)
def test_signed_but_shifted_or_malformed_fields_are_invalid(fields: list[tuple[str, str]]) -> None:
    with pytest.raises(Invalid):
        take_in(signed(fields))


def test_another_account_is_refused() -> None:
    with pytest.raises(Refused, match="account"):
        take_in(signed(text_fields(AccountSid="AC" + "f" * 32)))


@pytest.mark.parametrize(
    "body",
    [b"", b"Body", b"\xff", b"Body=%ff", b"=", b"&", b"a=1" + b"&a=1" * MAX_FIELDS, b"Body=%ED%A0%80", b"\x00" * 100],
)
def test_a_broken_form_is_the_senders_fault(body: bytes) -> None:
    with pytest.raises(RequestError):
        take_in(webhook(body, "x" * 28))


@given(
    body=st.binary(max_size=300),
    sign=st.text(max_size=40),
    kind=st.sampled_from(["application/x-www-form-urlencoded", "application/json", "", "\x00;"]),
    url=st.sampled_from([URL, "https://a:b:c/", "https://[::1", "", "https://a.test:99999/", "https://a.test/\udcff"]),
    settings=st.text(max_size=40),
)
def test_nothing_hostile_is_more_than_refused(body: bytes, sign: str, kind: str, url: str, settings: str) -> None:
    headers = {"content-type": kind, "x-twilio-signature": sign, "x-twilio-webhooks-signature-settings": settings}
    with pytest.raises(RequestError):
        take_in(WebhookRequest("POST", url, headers, {}, body, ""))
