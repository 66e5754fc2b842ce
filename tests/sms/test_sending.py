"""Sending: what Twilio is asked for, and what each of its answers means for the message."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from plugins.twilio_sms import channel as channel_module
from plugins.twilio_sms.channel import Sms
from plugins.twilio_sms.codes import CUSTOMER, LINE
from receptionist import Line, Media, Outbound, SendFailed, SendRefused, SendUnknown
from tests.servers.local_server import Exchange
from tests.servers.twilio_server import NUMBER, TOKEN, Fault, TwilioServer
from tests.sms.api import Api
from tests.sms.fake_host import CUSTOMER as PERSON
from tests.sms.fake_host import KEY, PUBLIC, SERVICE, FakeHost, make_line

SID = "SM" + "a" * 32


def outbound(text: str = "Hello", **more: Any) -> Outbound:
    return Outbound(**{"id": 7, "key": "message-7-1790000000000", "to": PERSON, "text": text, "attempt": 1, **more})


def channel_at(url: str) -> tuple[Sms, Line]:
    channel = Sms(FakeHost(twilio_base_url=url))
    return channel, make_line(channel)


def test_a_text_goes_out(twilio: TwilioServer, sms: Sms, line: Line) -> None:
    sent = sms.send(line, outbound("Hi \u2013 it\u2019s 5\u00a0pm\u2026\x00"))
    assert sent.provider_message_id == twilio.sent[0].sid
    assert dict(twilio.attempts[0].fields) == {
        "To": PERSON,
        "From": NUMBER,
        "Body": "Hi - it's 5 pm...",
        "StatusCallback": f"{PUBLIC}/webhooks/sms/{KEY}?key=message-7-1790000000000",
    }


def test_a_service_chooses_the_number(twilio: TwilioServer, sms: Sms) -> None:
    sms.send(make_line(sms, messaging_service_sid=SERVICE, phone_number=""), outbound())
    assert (twilio.attempts[0].service, twilio.attempts[0].from_) == (SERVICE, None)


def test_files_go_out(twilio: TwilioServer, sms: Sms, line: Line) -> None:
    urls = [f"{PUBLIC}/files/{n}" for n in range(3)]
    sms.send(line, outbound("", media=tuple(Media("image/png", url) for url in urls)))
    assert (list(twilio.attempts[0].media_urls), twilio.attempts[0].body) == (urls, "")


@pytest.mark.parametrize(
    "public", ["http://127.0.0.1:8000", "http://localhost:8000", "http://192.168.1.5", "http://box"]
)
def test_twilio_is_given_no_address_that_it_cannot_call(public: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from plugins.twilio_sms import sending

    calls: list[str | None] = []
    monkeypatch.setattr(sending, "send", lambda client, setup, message, callback: calls.append(callback))
    channel = Sms(FakeHost(public))
    line = make_line(channel)
    channel.send(line, outbound())
    assert calls == [None]
    with pytest.raises(SendRefused, match="PUBLIC_URL") as refused:
        channel.send(line, outbound(media=(Media("image/png", f"{public}/files/x"),)))
    assert refused.value.alert


def test_on_whatsapp_the_number_answers_as_whatsapp(api: Api) -> None:
    channel, line = channel_at(api.url)
    api.say(201, {"sid": SID})
    channel.send(line, outbound(to="whatsapp:+14133881111"))
    assert b"From=whatsapp%3A%2B12028831111" in api.bodies[0]


@pytest.mark.parametrize("code", sorted({code for code in {**CUSTOMER, **LINE} if code < 30000} - {20003, 20404}))
def test_a_refusal_is_final_and_in_words(api: Api, code: int) -> None:
    channel, line = channel_at(api.url)
    api.say(400, {"code": code, "message": "Twilio's words", "status": 400})
    with pytest.raises(SendRefused) as refused:
        channel.send(line, outbound())
    error = refused.value
    assert (error.code, str(error)) == (str(code), {**CUSTOMER, **LINE}[code])
    assert (error.alert, error.opted_out) == (code in LINE, code == 21610)


@pytest.mark.parametrize(
    ("status", "body", "code", "alert"),
    [
        (401, {"code": 20003, "message": "Authenticate", "status": 401}, "20003", True),
        (404, {"code": 20404, "message": "not found", "status": 404}, "20404", True),
        (403, {"code": 29999, "message": "no", "status": 403}, "29999", True),
        (403, b"<html>", "403", True),
        (401, b"", "20003", True),
        (400, {"code": 29999, "message": "something new", "status": 400}, "29999", False),
        (400, {"type": "x", "title": "bad", "status": 400, "code": 29999}, "29999", False),
        (400, b"", "400", False),
        (422, b"[1]", "422", False),
    ],
)
def test_other_refusals(api: Api, status: int, body: Any, code: str, alert: bool) -> None:
    channel, line = channel_at(api.url)
    api.say(status, body)
    with pytest.raises(SendRefused) as refused:
        channel.send(line, outbound())
    assert (refused.value.code, refused.value.alert) == (code, alert)
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0", 0.0), ("99999", 300.0), ("soon", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None)],
)
def test_too_many_requests_are_tried_later(api: Api, header: str, seconds: float | None) -> None:
    channel, line = channel_at(api.url)
    api.say(429, {"code": 20429, "message": "slow", "status": 429}, Retry_After=header)
    with pytest.raises(SendFailed) as failed:
        channel.send(line, outbound())
    assert failed.value.retry_after == seconds


@pytest.mark.parametrize("code", [20429, 21611])
def test_a_full_queue_is_tried_later(api: Api, code: int) -> None:
    channel, line = channel_at(api.url)
    api.say(400, {"code": code, "message": "full", "status": 400})
    with pytest.raises(SendFailed):
        channel.send(line, outbound())


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>Welcome"),
        (201, b""),
        (201, {}),
        (201, {"sid": None}),
        (201, {"sid": "SM123"}),
        (201, []),
        (201, b"null"),
        (201, b'{"sid": 1e999}'),
        (201, b"[" * 100_000),
        (204, b""),
        (301, b""),
        (408, b""),
        (500, {"code": 20500, "message": "oops", "status": 500}),
        (502, b"<html>Bad gateway"),
        (503, {"code": 20503, "message": "later", "status": 503}),
        (504, b""),
    ],
)
def test_anything_else_is_unknown(api: Api, status: int, body: Any) -> None:
    channel, line = channel_at(api.url)
    api.say(status, body, Location="http://127.0.0.1:1/")
    with pytest.raises(SendUnknown):
        channel.send(line, outbound())


@pytest.mark.parametrize("kind", ["cut", "accept_then_cut", "garbage", "500", "503"])
def test_faults_after_the_request_are_unknown(twilio: TwilioServer, sms: Sms, line: Line, kind: Any) -> None:
    twilio.fail(kind)
    with pytest.raises(SendUnknown):
        sms.send(line, outbound())
    assert len(twilio.attempts) == 1  # and the library did not try again


@pytest.mark.parametrize("kind", ["hang", "accept_then_hang"])
def test_a_hanging_answer_ends_in_time(
    twilio: TwilioServer, sms: Sms, line: Line, kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_module, "SEND_SECONDS", 0.3)
    twilio.fail(kind)
    start = time.monotonic()
    with pytest.raises(SendUnknown, match="in time"):
        sms.send(line, outbound())
    assert time.monotonic() - start < 3


def test_a_dripping_answer_ends_in_time(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel_module, "SEND_SECONDS", 0.5)
    channel, line = channel_at(api.url)
    stop = threading.Event()

    def drip(exchange: Exchange) -> None:
        exchange.begin(201)
        while not stop.wait(0.05):
            exchange.wfile.write(b" ")

    api.answering = drip
    start = time.monotonic()
    try:
        with pytest.raises(SendUnknown, match="in time"):
            channel.send(line, outbound())
    finally:
        stop.set()
    assert time.monotonic() - start < 3


def test_a_slow_answer_is_waited_for(twilio: TwilioServer, sms: Sms, line: Line) -> None:
    twilio.fail(Fault("slow", seconds=0.3))
    assert sms.send(line, outbound()).provider_message_id == twilio.sent[0].sid


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}", "http://no-such-host.invalid"])
def test_without_a_connection_nothing_was_sent(url: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        channel, line = channel_at(url.format(port=closed.getsockname()[1]))
        with pytest.raises(SendFailed):
            channel.send(line, outbound())


def test_an_untrusted_certificate_means_that_nothing_was_sent(api: Api) -> None:
    """A server that does not speak TLS cannot be told apart from one that broke off: unknown, never a token sent."""
    channel, line = channel_at(api.url.replace("http:", "https:"))
    api.say(201, {"sid": SID})
    with pytest.raises((SendFailed, SendUnknown)):
        channel.send(line, outbound())
    assert api.logins == []


def test_the_other_token_is_tried_while_they_are_rotated(twilio: TwilioServer, sms: Sms) -> None:
    line = make_line(sms, auth_token="0" * 32, second_auth_token=TOKEN)
    assert sms.send(line, outbound()).provider_message_id == twilio.sent[0].sid
    assert len(twilio.attempts) == 1
    with pytest.raises(SendRefused, match="credentials"):
        sms.send(make_line(sms, auth_token="0" * 32), outbound())


def test_an_opted_out_customer(twilio: TwilioServer, sms: Sms, line: Line) -> None:
    twilio.receive(PERSON, "STOP")
    with pytest.raises(SendRefused) as refused:
        sms.send(line, outbound())
    assert (refused.value.opted_out, refused.value.code, twilio.sent) == (True, "21610", [])


def test_threads_share_connections(twilio: TwilioServer, sms: Sms, line: Line) -> None:
    with ThreadPoolExecutor(8) as pool:
        sids = list(pool.map(lambda n: sms.send(line, outbound(str(n))).provider_message_id, range(40)))
    assert len(set(sids)) == 40
    assert {message.body for message in twilio.sent} == {str(n) for n in range(40)}
    assert len(twilio.connections) <= 8


def test_the_environment_lends_no_proxy_and_no_login(
    twilio: TwilioServer, sms: Sms, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("TWILIO_EDGE", "evil")
    monkeypatch.setenv("TWILIO_REGION", "evil")
    assert sms.send(line, outbound()).provider_message_id == twilio.sent[0].sid
