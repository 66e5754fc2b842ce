"""The Twilio stand-in, seen through the real Twilio client: what it takes, refuses, lists, posts, and how it fails."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from tests.servers.twilio_rules import STOP_WORDS, segments
from tests.servers.twilio_server import NUMBER, Fault, Media, Reports, TwilioServer
from tests.servers.twilio_wire import Exchange, Server

CUSTOMER, OTHER = "+14133881111", "+14133882222"
SERVICE = "MGdb23ec0f89ee2632e46e91d8128f5e2b"
PUBLIC = "https://bot.example.test"
PICTURE = b"\x89PNG of a cat"


class App(Server):
    """Takes webhooks as an app behind a proxy does: checks the signature of the public URL; serves a picture."""

    def __init__(self) -> None:
        super().__init__()
        self.hooks: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.reply: tuple[int, bytes, str] = (200, b"<Response/>", "text/xml")
        self.hook_came = threading.Event()

    def answer(self, exchange: Exchange) -> None:
        if exchange.command == "GET" and exchange.path == "/moved":
            return exchange.respond(302, b"", "text/plain", {"Location": "/cat"})
        if exchange.command == "GET":
            found = exchange.path == "/cat"
            return exchange.respond(200 if found else 404, PICTURE, "image/png")
        fields = dict(parse_qsl(exchange.raw.decode(), keep_blank_values=True))
        headers = {name.lower(): value for name, value in exchange.headers.items()}
        url = f"{headers.get('x-forwarded-proto', 'http')}://{headers['host']}{exchange.path}"
        url += "?tenant=7" if exchange.query else ""
        signature = headers["x-twilio-signature"]
        if not RequestValidator("0a1b2c3d4e5f60718293a4b5c6d7e8f9").validate(url, fields, signature):
            return exchange.respond(403, b"", "text/plain")
        self.hooks.append((url, fields, headers))
        self.hook_came.set()
        return exchange.respond(*self.reply)


@pytest.fixture
def app() -> Iterator[App]:
    with App() as running:
        yield running


@pytest.fixture
def twilio(app: App) -> Iterator[TwilioServer]:
    with TwilioServer(services={SERVICE: [NUMBER]}, public={PUBLIC: app.url}) as running:
        yield running


@pytest.fixture(scope="module")
def strict() -> Iterator[TwilioServer]:
    """One for all tests that are only refused."""
    with TwilioServer(services={SERVICE: [NUMBER]}) as running:
        yield running


@pytest.fixture
def client(twilio: TwilioServer) -> Iterator[Client]:
    made = client_of(twilio)
    yield made
    made.http_client.session.close()


def client_of(twilio: TwilioServer, token: str | None = None, timeout: float = 5.0) -> Client:
    made = Client(twilio.account, token or twilio.token, http_client=TwilioHttpClient(timeout=timeout))
    made.api.base_url = twilio.url
    return made


def post(twilio: TwilioServer, data: Any, account: str | None = None, **more: Any) -> requests.Response:
    url = f"{twilio.url}/2010-04-01/Accounts/{account or twilio.account}/Messages.json"
    return requests.post(url, data, auth=(twilio.account, twilio.token), timeout=5, **more)


def test_a_text_is_accepted_kept_and_given_back(twilio: TwilioServer, client: Client) -> None:
    made = client.messages.create(to=CUSTOMER, from_=NUMBER, body="Yes, until six — 🙂", smart_encoded=True)
    assert (made.status, made.direction, made.num_segments, made.date_sent) == ("queued", "outbound-api", "1", None)
    assert twilio.texts_to(CUSTOMER) == ["Yes, until six — 🙂"]
    assert twilio.sent[0].form is not None
    assert dict(twilio.sent[0].form.fields) == {
        "To": CUSTOMER,
        "From": NUMBER,
        "Body": "Yes, until six — 🙂",
        "SmartEncoded": "true",
    }
    fetched = client.messages(made.sid).fetch()
    assert (fetched.sid, fetched.to, fetched.from_, fetched.body) == (made.sid, CUSTOMER, NUMBER, made.body)
    assert abs(fetched.date_created - datetime.now(UTC)) < timedelta(seconds=5)
    assert client.messages(made.sid).delete()
    with pytest.raises(TwilioRestException) as caught:
        client.messages(made.sid).fetch()
    assert (caught.value.status, caught.value.code) == (404, 20404)
    assert twilio.requests == {"POST Messages": 1, "GET Message": 2, "DELETE Message": 1}


def test_a_messaging_service_chooses_the_sender_after_the_answer(twilio: TwilioServer, client: Client) -> None:
    made = client.messages.create(to=CUSTOMER, messaging_service_sid=SERVICE, body="Hi")
    assert (made.status, made.from_, made.num_segments, made.messaging_service_sid) == ("accepted", None, "0", SERVICE)
    assert client.messages(made.sid).fetch().from_ == NUMBER


GOOD = {"To": CUSTOMER, "From": NUMBER, "Body": "Hi"}
REFUSED: dict[str, tuple[dict[str, Any], int]] = {
    "unknown field": ({"Bogus": "1"}, 20001),
    "field not imitated": ({"ContentSid": "HX1"}, 20001),
    "field twice": ({"Body": ["a", "b"]}, 20001),
    "no recipient": ({"To": None}, 21604),
    "recipient not E.164": ({"To": "4133881111"}, 21211),
    "recipient too short": ({"To": "+1413"}, 21211),
    "no sender": ({"From": None}, 21603),
    "sender of others": ({"From": "+12025550123"}, 21659),
    "to itself": ({"To": NUMBER}, 21266),
    "unknown service": ({"From": None, "MessagingServiceSid": "MG1"}, 21705),
    "sender not of the service": ({"From": "+12025550123", "MessagingServiceSid": SERVICE}, 21712),
    "nothing to say": ({"Body": None}, 21602),
    "blank": ({"Body": ""}, 21602),
    "too long": ({"Body": "x" * 1601}, 21617),
    "eleven pictures": ({"MediaUrl": [f"{PUBLIC}/cat"] * 11}, 21623),
    "media not a URL": ({"MediaUrl": "/cat"}, 21620),
    "relative callback": ({"StatusCallback": "/webhooks/sms/status"}, 21609),
    "callback without host": ({"StatusCallback": "https:///status"}, 21609),
    "flag": ({"SmartEncoded": "True"}, 20001),
    "validity": ({"ValidityPeriod": "0"}, 20001),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_refused_as_twilio_refuses_it(strict: TwilioServer, name: str) -> None:
    change, code = REFUSED[name]
    answer = post(strict, {key: value for key, value in {**GOOD, **change}.items() if value is not None})
    assert answer.json()["code"] == code, answer.text
    assert answer.json() == {
        "code": code,
        "message": answer.json()["message"],
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": 400,
    }
    assert answer.status_code == 400
    assert (strict.sent, strict.attempts) == ([], [])


def test_the_longest_text_is_taken(twilio: TwilioServer, client: Client) -> None:
    assert client.messages.create(to=CUSTOMER, from_=NUMBER, body="x" * 1600).num_segments == "11"


def test_json_other_accounts_wrong_tokens_and_other_paths_are_refused(twilio: TwilioServer) -> None:
    assert post(twilio, None, json={"To": CUSTOMER}).status_code == 415
    answer = post(twilio, GOOD, account="AC" + "f" * 32)
    assert (answer.status_code, answer.json()["code"]) == (401, 20003)
    wrong = client_of(twilio, token="wrong")
    with pytest.raises(TwilioRestException) as caught:
        wrong.messages.create(to=CUSTOMER, from_=NUMBER, body="Hi")
    assert (caught.value.status, caught.value.code) == (401, 20003)
    wrong.http_client.session.close()
    base = f"{twilio.url}/2010-04-01/Accounts/{twilio.account}"
    auth = (twilio.account, twilio.token)
    assert requests.get(f"{base}/Calls.json", auth=auth, timeout=5).json()["code"] == 20404
    assert requests.put(f"{base}/Messages.json", auth=auth, timeout=5).status_code == 405
    assert requests.get(f"{base}/Messages.json", timeout=5).headers["WWW-Authenticate"].startswith("Basic")
    assert requests.get(f"{base}/Messages.json?Too=1", auth=auth, timeout=5).json()["code"] == 20001


def test_media_to_send_are_fetched(twilio: TwilioServer, client: Client) -> None:
    made = client.messages.create(to=CUSTOMER, from_=NUMBER, media_url=[f"{PUBLIC}/cat", f"{PUBLIC}/moved"])
    assert made.sid.startswith("MM")
    media = twilio.wait_for(lambda: twilio.sent[0].media)
    assert [(one.content_type, one.data) for one in media] == [("image/png", PICTURE)] * 2
    assert [one.content_type for one in client.messages(made.sid).media.list()] == ["image/png", "image/png"]


def test_media_that_cannot_be_fetched_fail_the_message(twilio: TwilioServer, client: Client, app: App) -> None:
    twilio.reports = Reports("sent", "delivered")
    callback = f"{PUBLIC}/status"
    made = client.messages.create(to=CUSTOMER, from_=NUMBER, media_url=[f"{PUBLIC}/no"], status_callback=callback)
    twilio.wait_for(lambda: twilio.deliveries)
    assert [(hook[1]["MessageStatus"], hook[1]["ErrorCode"]) for hook in app.hooks] == [("failed", "11200")]
    assert (client.messages(made.sid).fetch().status, client.messages(made.sid).fetch().error_code) == ("failed", 11200)


def test_lists_are_filtered_and_paged(twilio: TwilioServer, client: Client) -> None:
    for number in range(7):
        twilio.receive(CUSTOMER, f"text {number}")
    twilio.receive(OTHER, "another's")
    client.messages.create(to=CUSTOMER, from_=NUMBER, body="out")
    listed = client.messages.list(to=NUMBER, page_size=3)
    assert [one.body for one in listed] == ["another's", *(f"text {number}" for number in reversed(range(7)))]
    assert {one.direction for one in listed} == {"inbound"}
    assert twilio.requests["GET Messages"] == 3
    assert [one.body for one in client.messages.list(to=NUMBER, from_=OTHER)] == ["another's"]
    assert len(client.messages.list(from_=CUSTOMER, limit=2)) == 2
    now = datetime.now(UTC)
    before, after = now - timedelta(minutes=1), now + timedelta(minutes=1)
    assert len(client.messages.list(to=NUMBER, date_sent_after=before, date_sent_before=after)) == 8
    assert client.messages.list(to=NUMBER, date_sent_after=after) == []
    assert client.messages.list(to=NUMBER, date_sent_before=before) == []
    twilio.received[0].sent = now - timedelta(days=3)
    assert [one.body for one in client.messages.list(date_sent=(now - timedelta(days=3)).date())] == ["text 0"]
    old = str((now - timedelta(days=3)).date())
    assert len(client.messages.list(to=NUMBER, date_sent_before=old)) == 1


def test_a_text_comes_in_signed_for_the_public_url(twilio: TwilioServer, app: App) -> None:
    answer = twilio.text_in(f"{PUBLIC}/webhooks/sms?tenant=7#rc=2", CUSTOMER, "Are you open? é&=+", more={"New": ""})
    assert (answer.status, answer.error, answer.replies) == (200, None, ())
    url, fields, headers = app.hooks[0]
    assert (url, headers["host"]) == (f"{PUBLIC}/webhooks/sms?tenant=7", "bot.example.test")
    sid = twilio.received[0].sid
    # fmt: off
    assert fields == {
        "ToCountry": "US", "ToState": "District Of Columbia", "SmsMessageSid": sid, "NumMedia": "0", "ToCity": "",
        "FromZip": "01022", "SmsSid": sid, "FromState": "MA", "SmsStatus": "received", "FromCity": "CHICOPEE",
        "Body": "Are you open? é&=+", "FromCountry": "US", "To": NUMBER, "ToZip": "", "NumSegments": "1",
        "MessageSid": sid, "AccountSid": twilio.account, "From": CUSTOMER, "ApiVersion": "2010-04-01", "New": "",
    }
    # fmt: on
    twilio.text_in(f"{PUBLIC}/webhooks/sms", CUSTOMER, "Are you open? é&=+", sid=sid)
    assert app.hooks[1][2]["i-twilio-idempotency-token"] == headers["i-twilio-idempotency-token"]
    assert len(twilio.received) == 1


def test_a_picture_comes_in_and_is_to_be_fetched_without_taking_the_token_along(twilio: TwilioServer, app: App) -> None:
    media = [Media("image/png", PICTURE)]
    twilio.text_in(f"{PUBLIC}/webhooks/sms", CUSTOMER, "", media=media, service=SERVICE, opt_out_type="HELP")
    fields = app.hooks[0][1]
    assert (fields["NumMedia"], fields["MediaContentType0"], fields["Body"]) == ("1", "image/png", "")
    assert (fields["MessagingServiceSid"], fields["OptOutType"]) == (SERVICE, "HELP")
    assert requests.get(fields["MediaUrl0"], timeout=5).status_code == 401
    auth = (twilio.account, twilio.token)
    found = requests.get(fields["MediaUrl0"], auth=auth, timeout=5)
    assert (found.history[0].status_code, found.content, found.headers["content-type"]) == (307, PICTURE, "image/png")
    assert requests.get(fields["MediaUrl0"] + ".json", auth=auth, timeout=5).json()["content_type"] == "image/png"
    assert (twilio.cdn.leaks, twilio.cdn.requests) == ([], 1)


def test_a_token_that_reaches_the_cdn_fails_the_block() -> None:
    with pytest.raises(AssertionError, match="Authorization"), TwilioServer() as twilio:
        twilio.receive(CUSTOMER, "", media=[Media("image/png", PICTURE)])
        media = twilio.received[0].media[0]
        auth = (twilio.account, twilio.token)
        assert requests.get(twilio.cdn.place(media), auth=auth, timeout=5).status_code == 400


def test_stop_blocks_until_start(twilio: TwilioServer, client: Client, app: App) -> None:
    for word in sorted(STOP_WORDS):
        twilio.text_in(f"{PUBLIC}/webhooks/sms", CUSTOMER, f" {word.lower()}\n")
        with pytest.raises(TwilioRestException) as caught:
            client.messages.create(to=CUSTOMER, messaging_service_sid=SERVICE, body="Sorry to see you go")
        assert (caught.value.status, caught.value.code) == (400, 21610)
        twilio.text_in(f"{PUBLIC}/webhooks/sms", CUSTOMER, "Start")
        client.messages.create(to=CUSTOMER, from_=NUMBER, body="Welcome back")
    assert len(app.hooks) == 2 * len(STOP_WORDS)
    twilio.text_in(f"{PUBLIC}/webhooks/sms", CUSTOMER, "please stop")
    twilio.stop_handling = False
    twilio.text_in(f"{PUBLIC}/webhooks/sms", CUSTOMER, "STOP")
    client.messages.create(to=CUSTOMER, from_=NUMBER, body="Still here")
    client.messages.create(to=OTHER, from_=NUMBER, body="Still here")


ANSWERS: dict[str, tuple[tuple[int, bytes, str], tuple[str, ...], str | None]] = {
    "reply": ((200, b"<Response><Message>a &amp; b</Message></Response>", "text/xml"), ("a & b",), None),
    "plain text": ((200, b"OK", "text/plain; charset=utf-8"), ("OK",), None),
    "no content": ((204, b"", ""), (), None),
    "not XML": ((200, b"OK", "text/html"), (), "12100"),
    "not TwiML": ((200, b"<html/>", "text/html"), (), "12102"),
    "JSON": ((200, b"{}", "application/json"), (), "12300"),
    "failure": ((503, b"", "text/plain"), (), "11200"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_what_a_webhook_answers_is_read_as_twilio_reads_it(twilio: TwilioServer, app: App, name: str) -> None:
    app.reply, texts, error = ANSWERS[name]
    delivery = twilio.text_in(f"{PUBLIC}/webhooks/sms", CUSTOMER, "Hi")
    assert (delivery.replies, (delivery.error or "")[:5]) == (texts, error or "")
    assert twilio.texts_to(CUSTOMER) == list(texts)


def test_a_webhook_that_is_down_leaves_a_text_that_can_be_listed(
    twilio: TwilioServer, client: Client, app: App, free_port: Any
) -> None:
    twilio.public = {PUBLIC: f"http://127.0.0.1:{free_port()}"}
    delivery = twilio.text_in(f"{PUBLIC}/webhooks/sms", CUSTOMER, "Hi", media=[Media("image/png", PICTURE)])
    assert (delivery.status, (delivery.error or "")[:5]) == (0, "11205")
    missed = client.messages.list(to=NUMBER)
    assert [(one.body, one.direction, one.status, one.num_media) for one in missed] == [
        ("Hi", "inbound", "received", "1")
    ]
    assert [one.content_type for one in missed[0].media.list()] == ["image/png"]


def test_reports_come_in_any_order_twice_and_before_the_answer(twilio: TwilioServer, client: Client, app: App) -> None:
    twilio.reports = Reports("delivered", "sent", "sent", "queued", before=2)
    callback = f"{PUBLIC}/webhooks/sms/status"
    made = client.messages.create(to=CUSTOMER, from_=NUMBER, body="Hi", status_callback=callback)
    assert [hook[1]["MessageStatus"] for hook in app.hooks[:2]] == ["delivered", "sent"]
    twilio.wait_for(lambda: len(twilio.deliveries) == 4)
    assert [hook[1]["MessageStatus"] for hook in app.hooks] == ["delivered", "sent", "sent", "queued"]
    assert {hook[1]["MessageSid"] for hook in app.hooks} == {made.sid}
    assert client.messages(made.sid).fetch().status == "delivered"
    late = twilio.report(twilio.sent[0], "undelivered", 30003, url=f"{PUBLIC}/other")
    assert late is not None
    assert (late.status, late.fields["ErrorCode"], app.hooks[-1][0]) == (200, "30003", f"{PUBLIC}/other")


def test_errors_by_queue_and_by_recipient(twilio: TwilioServer, client: Client) -> None:
    twilio.fail("500", "503")
    twilio.fail(Fault("429", retry_after=7), to=OTHER)
    seen = []
    for to in (OTHER, CUSTOMER, OTHER, OTHER):
        try:
            client.messages.create(to=to, from_=NUMBER, body="Hi")
        except TwilioRestException as error:
            seen.append((error.status, error.code))
    assert seen == [(429, 20429), (500, 20500), (503, 20503)]
    assert (len(twilio.attempts), twilio.texts_to(OTHER), twilio.texts_to(CUSTOMER)) == (4, ["Hi"], [])
    twilio.fail(Fault("429", retry_after=7))
    assert post(twilio, GOOD).headers["Retry-After"] == "7"


@pytest.mark.parametrize(
    ("kind", "error"),
    {
        **dict.fromkeys(("hang", "accept_then_hang"), "timed out"),
        **dict.fromkeys(("cut", "accept_then_cut"), "reset by peer"),
        "garbage": "Expecting value",
    }.items(),
)
def test_answers_that_do_not_come(twilio: TwilioServer, app: App, kind: Any, error: str) -> None:
    client, accepted = client_of(twilio, timeout=0.3), kind not in ("hang", "cut")
    twilio.fail(kind)
    twilio.reports = Reports("delivered")
    with pytest.raises((requests.RequestException, ValueError), match=error):
        client.messages.create(to=CUSTOMER, from_=NUMBER, body="Hi", status_callback=f"{PUBLIC}/status")
    assert (len(twilio.attempts), twilio.texts_to(CUSTOMER)) == (1, ["Hi"] if accepted else [])
    if accepted:
        twilio.wait_for(lambda: twilio.deliveries)
        assert app.hooks[0][1]["MessageStatus"] == "delivered"
    assert client.messages.create(to=OTHER, from_=NUMBER, body="Hi").status == "queued"
    client.http_client.session.close()


def test_a_slow_answer_comes_and_reads_fail_too(twilio: TwilioServer, client: Client) -> None:
    twilio.fail(Fault("slow", seconds=0.05))
    assert client.messages.create(to=CUSTOMER, from_=NUMBER, body="Hi").status == "queued"
    twilio.fail_reads("503")
    with pytest.raises(TwilioRestException) as caught:
        client.messages(twilio.sent[0].sid).fetch()
    assert caught.value.status == 503
    assert client.messages(twilio.sent[0].sid).fetch().body == "Hi"


def test_waiting_ends_with_what_happened_instead(twilio: TwilioServer) -> None:
    with pytest.raises(TimeoutError, match=r"sent \[\]"):
        twilio.wait_for(lambda: twilio.sent, timeout=0.01)


@pytest.mark.parametrize(
    ("text", "count"),
    [("x" * 160, 1), ("x" * 161, 2), ("€" * 80, 1), ("€" * 81, 2), ("é" * 160, 1), ("—" * 71, 2), ("🙂" * 36, 2)],
)
def test_segments(text: str, count: int) -> None:
    assert segments(text) == count


def test_as_a_program(app: App) -> None:
    command = [sys.executable, "-m", "tests.servers.twilio_server", "--account", "AC" + "1" * 32, "--token", "t"]
    command += ["--webhook", f"{PUBLIC}/sms", "--map", PUBLIC, app.url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        url = program.stdout.readline().split()[0]
        answer = requests.post(
            f"{url}/2010-04-01/Accounts/AC{'1' * 32}/Messages.json", GOOD, auth=("AC" + "1" * 32, "t"), timeout=5
        )
        assert answer.status_code == 201
        assert f"-> {CUSTOMER}: 'Hi'" in program.stdout.readline()
        program.stdin.write(f"{CUSTOMER} Are you open?\n")
        program.stdin.flush()
        assert "Are you open?" in program.stdout.readline()
        program.kill()
