"""What Twilio sends: signed webhooks for texts that came in and for statuses, and its fetching of media."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urljoin, urlsplit
from xml.etree import ElementTree

from twilio.request_validator import RequestValidator

from tests.servers.twilio_rules import FORM, segments
from tests.servers.twilio_store import VERSION, Message, now

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0
PLACES = {
    "+1413": ("CHICOPEE", "MA", "01022", "US"),
    "+1202": ("", "District Of Columbia", "", "US"),
    "+1": ("", "", "", "US"),
    "+44": ("", "", "", "GB"),
    "+49": ("", "", "", "DE"),
}


@dataclass(frozen=True)
class Delivery:
    """A webhook and its answer. `status` is 0 when none came; `error` then says why.

    `error` also holds what Twilio's debugger would say of an answer that it cannot use, and `replies`
    the texts that the answer (TwiML or plain text) sends to the customer.
    """

    url: str
    fields: Mapping[str, str]
    headers: Mapping[str, str]
    status: int = 0
    answer_headers: Mapping[str, str] | None = None
    body: bytes = b""
    error: str | None = None
    replies: tuple[str, ...] = ()

    @property
    def taken(self) -> bool:
        """Whether the answer was a 2xx."""
        return 200 <= self.status < 300


def local_url(url: str, public: Mapping[str, str]) -> str:
    """Where a public URL is served here: `public` maps bases such as `https://bot.example.test` to local ones."""
    for base, local in public.items():
        rest = url.removeprefix(base.rstrip("/"))
        if rest != url and rest[:1] in ("", "/", "?"):
            return local.rstrip("/") + rest
    return url


def call(
    method: str, url: str, public: Mapping[str, str], body: bytes | None = None, headers: Mapping[str, str] = {}
) -> tuple[int, dict[str, str], bytes]:
    """One request, redirects not followed: status, headers in lower case, body.

    A URL of `public` is called through what looks like a proxy that ends TLS: the public `Host`, and
    `X-Forwarded-Proto`. Raises `OSError` and `http.client.HTTPException`.
    """
    local = local_url(url, public)
    target, asked = urlsplit(local), urlsplit(url)
    kind = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
    connection = kind(target.hostname or "", target.port, timeout=CONNECT_SECONDS)
    forwarded = {"X-Forwarded-Proto": asked.scheme, "X-Forwarded-For": "54.172.60.0"} if local != url else {}
    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
    try:
        connection.connect()
        connection.sock.settimeout(TOTAL_SECONDS)
        connection.request(method, path, body, {"Host": asked.netloc, **forwarded, **headers})
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()


def fetch(url: str, public: Mapping[str, str]) -> tuple[bytes, str]:
    """The bytes and content type of media to send. Raises `OSError` when they cannot be had."""
    for _ in range(4):
        try:
            status, headers, data = call("GET", url, public)
        except http.client.HTTPException as error:
            raise OSError(f"{url}: {error!r}") from error
        if status in (301, 302, 303, 307, 308) and "location" in headers:
            url = urljoin(url, headers["location"])
            continue
        if status != 200 or not headers.get("content-type"):
            raise OSError(f"{url} answers {status} with content type {headers.get('content-type')}")
        return data, headers["content-type"]
    raise OSError(f"{url}: more than 3 redirects")


def post(url: str, fields: Mapping[str, str], secret: str, token: str, public: Mapping[str, str]) -> Delivery:
    """Post a signed webhook. As Twilio does by default, only a failure to connect is tried again, once."""
    url = url.partition("#")[0]
    headers = {
        "Content-Type": f"{FORM}; charset=UTF-8",
        "X-Twilio-Signature": RequestValidator(secret).compute_signature(url, dict(fields)),
        "I-Twilio-Idempotency-Token": token,
        "User-Agent": "TwilioProxy/1.1",
        "Accept": "*/*",
    }
    body = urlencode(fields).encode()
    error = ""
    for _ in range(2):
        try:
            status, answer_headers, answer = call("POST", url, public, body, headers)
        except ConnectionRefusedError as refused:
            error = f"11205 no connection: {refused}"
        except (OSError, http.client.HTTPException) as failure:
            return Delivery(url, fields, headers, error=f"11200 no answer: {failure!r}")
        else:
            wrong = None if 200 <= status < 300 else f"11200 the webhook answered {status}"
            return Delivery(url, fields, headers, status, answer_headers, answer, wrong)
    return Delivery(url, fields, headers, error=error)


def inbound_fields(message: Message, base: str, opt_out_type: str | None) -> dict[str, str]:
    """The form of a text that came in, with the parameters that Twilio leaves blank."""
    to, from_ = _place(message.to), _place(message.from_ or "")
    fields = {
        **{f"To{name}": value for name, value in to.items()},
        **{f"From{name}": value for name, value in from_.items()},
        "SmsMessageSid": message.sid,
        "NumMedia": str(len(message.media)),
        "SmsSid": message.sid,
        "SmsStatus": "received",
        "Body": message.body,
        "To": message.to,
        "NumSegments": str(max(segments(message.body), len(message.media))),
        "MessageSid": message.sid,
        "AccountSid": message.account,
        "From": message.from_ or "",
        "ApiVersion": VERSION,
    }
    for place, media in enumerate(message.media):
        fields[f"MediaContentType{place}"] = media.content_type
        fields[f"MediaUrl{place}"] = f"{base}{message.uri}/Media/{media.sid}"
    if message.service:
        fields["MessagingServiceSid"] = message.service
    if opt_out_type:
        fields["OptOutType"] = opt_out_type
    return fields


def status_fields(message: Message, status: str, error_code: int | None) -> dict[str, str]:
    """The form of a status callback."""
    fields = {
        "SmsSid": message.sid,
        "SmsStatus": status,
        "MessageStatus": status,
        "To": message.to,
        "MessageSid": message.sid,
        "AccountSid": message.account,
        "From": message.from_ or "",
        "ApiVersion": VERSION,
    }
    if message.service:
        fields["MessagingServiceSid"] = message.service
    if status in ("delivered", "undelivered"):
        fields["RawDlrDoneDate"] = now().strftime("%y%m%d%H%M")
    if error_code is not None:
        fields["ErrorCode"] = str(error_code)
    return fields


def replies(delivery: Delivery) -> tuple[tuple[str, ...], str | None]:
    """The texts that an answer to an inbound webhook sends, and what is wrong with the answer.

    Twilio sends a `text/plain` answer to the customer as it is, and reads any other as TwiML.
    """
    if not delivery.taken:
        return (), delivery.error
    kind = (delivery.answer_headers or {}).get("content-type", "").partition(";")[0].strip().lower()
    if not delivery.body.strip():
        return (), None
    if kind == "text/plain":
        return (delivery.body.decode("utf-8", "replace"),), None
    if kind not in ("text/xml", "application/xml", "text/html"):
        return (), f"12300 invalid content type {kind or 'absent'}"
    try:
        root = ElementTree.fromstring(delivery.body)
    except ElementTree.ParseError as error:
        return (), f"12100 the answer is not XML: {error}"
    if root.tag != "Response":
        return (), f"12102 the answer is <{root.tag}>, not <Response>"
    return tuple((node.findtext("Body") or node.text or "").strip() for node in root.iter("Message")), None


def _place(address: str) -> dict[str, str]:
    """City, State, Zip, Country of a number, blank where Twilio does not know them."""
    known = next((place for prefix, place in PLACES.items() if address.startswith(prefix)), ("", "", "", ""))
    return dict(zip(("City", "State", "Zip", "Country"), known, strict=True))
