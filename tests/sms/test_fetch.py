"""Files of MMS: from Twilio's hosts only, the token to its API only, and never more than there is room for."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from plugins.twilio_sms import media
from plugins.twilio_sms.channel import Sms
from plugins.twilio_sms.media import MediaRoad, place_of, safe_type
from plugins.twilio_sms.settings import TWILIO_URL
from receptionist import Attachment, FetchFailed, File, Line
from tests.servers.local_server import Exchange
from tests.servers.twilio_server import ACCOUNT, TOKEN, Media, TwilioServer
from tests.sms.api import Api
from tests.sms.fake_host import CUSTOMER, FakeHost, make_line

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 100
LOGIN = "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
API = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages/MM/Media/ME"


@pytest.fixture
def other() -> Iterator[Api]:
    """Another host."""
    with Api() as server:
        yield server


def fetch(url: str, base: str = TWILIO_URL, **settings: Any) -> Any:
    channel = Sms(FakeHost(twilio_base_url=base))
    return channel.fetch(make_line(channel, **settings), Attachment("image/png", url))


def test_a_picture_over_the_redirect_to_the_cdn(twilio: TwilioServer, sms: Sms, line: Line) -> None:
    message = twilio.receive(CUSTOMER, "", media=[Media("image/png", PNG)])
    url = f"{twilio.url}{message.uri}/Media/{message.media[0].sid}"
    file = sms.fetch(line, Attachment("image/png", url))
    assert (file.content, file.content_type) == (PNG, "image/png")
    assert (twilio.cdn.requests, twilio.cdn.leaks) == (1, [])


@pytest.mark.parametrize(
    "url",
    [
        "http://api.twilio.com/x",
        "https://api.twilio.com.evil.example/x",
        "https://evil-twilio.com/x",
        "https://eviltwiliocdn.com/x",
        "https://twilio.com.evil/x",
        "https://api.twilio.com@evil.example/x",
        "https://api.twilio.com:pw@evil.example/x",
        "https://evil.example\\@api.twilio.com/x",
        "https://evil.example/\\@api.twilio.com/x",
        "https://evil.example#@api.twilio.com/x",
        "https://evil.example?@api.twilio.com/x",
        "https://api.twilio.com:8443/x",
        "https://api.twilio.com:/x",
        "https://api.twilio.com./x",
        "https://api\u3002twilio\u3002com/x",
        "https://api.twilio.com\n.evil.example/x",
        " https://api.twilio.com/x",
        "https://169.254.169.254/latest",
        "http://[::ffff:127.0.0.1]/x",
        "http://2130706433/x",
        "http://localhost/x",
        "file:///etc/passwd",
        "ftp://api.twilio.com/x",
        "//api.twilio.com/x",
        "/2010-04-01/x",
        "",
        "https://api.twilio.com/" + "x" * 3000,
    ],
)
def test_foreign_addresses_are_not_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "_get", lambda *_: pytest.fail("a request was made"))
    with pytest.raises(FetchFailed) as failed:
        fetch(url)
    assert not failed.value.retryable


@pytest.mark.parametrize(
    ("url", "token"),
    [
        (API, True),
        ("https://api.twilio.com:443/x", True),
        ("https://API.Twilio.com/x", True),
        ("https://mms.twiliocdn.com/x", False),
        ("https://media.twiliocdn.com/x", False),
        ("https://mcs.us1.twilio.com/x", False),
        ("https://api.dublin.ie1.twilio.com/x", False),
    ],
)
def test_twilios_addresses(url: str, token: bool) -> None:
    road, place = MediaRoad(TWILIO_URL), place_of(url)
    road.check(place)
    assert road.has_token(place) is token


BUCKET = "https://s3-external-1.amazonaws.com/media.twiliocdn.com"


def redirected(monkeypatch: pytest.MonkeyPatch, *places: str) -> list[tuple[str, bool]]:
    """Which addresses are asked, and whether with the token, where the API sends us from one place to the next."""
    asked: list[tuple[str, bool]] = []

    def answer(session: Any, url: str, logins: Any, deadline: float) -> Any:
        asked.append((url, logins != [None]))
        return places[len(asked) - 1] if len(asked) <= len(places) else File(PNG, "image/png")

    monkeypatch.setattr(media, "_get", answer)
    assert fetch(API).content == PNG
    return asked


def test_files_of_accounts_that_protect_none_are_in_twilios_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    """https://support.twilio.com/hc/en-us/articles/223183748: so it is without "Enforce HTTP Auth on Media URLs"."""
    url = f"{BUCKET}/{ACCOUNT}/3fcd24357da892f4078cce801367fbc9"
    assert redirected(monkeypatch, url) == [(API, True), (url, False)]


@pytest.mark.parametrize(
    "places",
    [
        (f"{BUCKET}.evil.example/AC/x",),
        (f"{BUCKET}/../evil/x",),
        (f"{BUCKET}/%2e%2e/evil/x",),
        (f"{BUCKET}/AC/x?y=1",),
        (BUCKET.replace("https:", "http:") + "/AC/x",),
        (BUCKET.replace("media.twiliocdn.com", "evil") + "/AC/x",),
        (BUCKET.replace("s3-external-1", "evil") + "/AC/x",),
        ("https://mms.twiliocdn.com/x", f"{BUCKET}/AC/x"),
        (f"{BUCKET}/AC/x", f"{BUCKET}/AC/y"),
    ],
)
def test_nothing_else_at_amazon_is(places: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FetchFailed, match="not Twilio's"):
        redirected(monkeypatch, *places)


def test_a_message_cannot_name_the_bucket_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "_get", lambda *_: pytest.fail("a request was made"))
    with pytest.raises(FetchFailed, match="not Twilio's"):
        fetch(f"{BUCKET}/AC/x")


def test_with_a_regional_address_both_are_the_api() -> None:
    road = MediaRoad("https://api.dublin.ie1.twilio.com")
    assert road.has_token(place_of("https://api.dublin.ie1.twilio.com/x"))
    assert road.has_token(place_of(API))
    assert not road.has_token(place_of("https://api.dublin.ie1.twilio.com:8443/x"))


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://evil.example/",
        "https://api.twilio.com.evil.example/",
        "//evil.example/x",
        "https://user@api.twilio.com/x",
        "file:///etc/passwd",
        "http://[::1]/",
        "http://api.twilio.com/x",
        "",
    ],
)
def test_redirects_elsewhere_are_not_followed(api: Api, target: str) -> None:
    api.say(302, Location=target)
    with pytest.raises(FetchFailed):
        fetch(f"{api.url}/x", api.url)
    assert 1 <= len(api.logins) <= 4


def test_the_token_stays_at_the_api(api: Api, other: Api) -> None:
    api.say(307, Location=f"{other.url}/file")
    other.say(200, PNG, Content_Type="image/png")
    assert fetch(f"{api.url}/x", api.url).content == PNG
    assert (api.logins, other.logins) == ([LOGIN], [None])


def test_redirects_end(api: Api) -> None:
    api.say(302, Location="/again")
    with pytest.raises(FetchFailed, match="redirects"):
        fetch(f"{api.url}/x", api.url)
    assert len(api.logins) == 4


def test_the_other_token_is_tried(twilio: TwilioServer, sms: Sms) -> None:
    message = twilio.receive(CUSTOMER, "", media=[Media("image/png", PNG)])
    attachment = Attachment("image/png", f"{twilio.url}{message.uri}/Media/{message.media[0].sid}")
    assert sms.fetch(make_line(sms, auth_token="0", second_auth_token=TOKEN), attachment).content == PNG
    with pytest.raises(FetchFailed, match="auth_token"):
        sms.fetch(make_line(sms, auth_token="0"), attachment)


@pytest.mark.parametrize(
    ("status", "again"), [(404, True), (500, True), (503, True), (429, True), (403, False), (410, False)]
)
def test_errors(api: Api, status: int, again: bool) -> None:
    api.say(status)
    with pytest.raises(FetchFailed, match=str(status)) as failed:
        fetch(f"{api.url}/x", api.url)
    assert failed.value.retryable is again


def test_too_large_a_file_is_given_up(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "MAX_BYTES", 1000)
    api.say(200, b"x" * 1000)
    assert len(fetch(f"{api.url}/x", api.url).content) == 1000
    api.say(200, b"x" * 1001)
    with pytest.raises(FetchFailed, match="too large") as failed:
        fetch(f"{api.url}/x", api.url)
    assert not failed.value.retryable


def test_a_bomb_is_measured_unpacked(api: Api) -> None:
    api.say(200, gzip.compress(b"\x00" * (media.MAX_BYTES + 1)), Content_Encoding="gzip")
    with pytest.raises(FetchFailed, match="too large"):
        fetch(f"{api.url}/x", api.url)


def test_a_dripping_file_is_given_up(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    stop = threading.Event()

    def drip(exchange: Exchange) -> None:
        exchange.begin(200)
        while not stop.wait(0.05):
            exchange.wfile.write(b"x")

    monkeypatch.setattr(media, "SECONDS", 0.4)
    api.answering = drip
    try:
        with pytest.raises(FetchFailed) as failed:
            fetch(f"{api.url}/x", api.url)
    finally:
        stop.set()
    assert failed.value.retryable


def test_a_dead_host_may_come_back(free_port: Callable[[], int]) -> None:
    base = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(FetchFailed) as failed:
        fetch(f"{base}/x", base)
    assert failed.value.retryable


@pytest.mark.parametrize(
    ("declared", "content", "kept"),
    [
        ("image/png", PNG, "image/png"),
        ("image/png; charset=x", PNG, "image/png"),
        ("image/jpg", b"\xff\xd8\xff\xe0", "image/jpg"),
        ("image/jpeg", PNG, "image/png"),
        ("image/png", b"<script>", "application/octet-stream"),
        ("application/pdf", b"MZ", "application/octet-stream"),
        ("application/pdf", b"%PDF-1.7", "application/pdf"),
        ("audio/amr", b"#!AMR", "audio/amr"),
        ("video/3gpp", b"", "video/3gpp"),
        ("text/vcard", b"BEGIN:VCARD", "text/vcard"),
        ("text/html", b"<p>", "application/octet-stream"),
        ("image/svg+xml", b"<svg>", "application/octet-stream"),
        ("text/javascript", b"", "application/octet-stream"),
        ("", b"", "application/octet-stream"),
        ("no type\r\nX: y", b"", "application/octet-stream"),
    ],
)
def test_types(declared: str, content: bytes, kept: str) -> None:
    assert safe_type(declared, content) == kept
