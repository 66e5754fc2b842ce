"""What Twilio's Messages API takes and refuses, as pure functions: forms, numbers, keywords, segments, its errors."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

STOP_WORDS = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
START_WORDS = frozenset({"START", "YES", "UNSTOP"})

FLAGS = ("ProvideFeedback", "ForceDelivery", "SmartEncoded", "ShortenUrls", "SendAsMms")
CHOICES = {
    "ContentRetention": ("retain", "discard"),
    "AddressRetention": ("retain", "obfuscate"),
    "RiskCheck": ("enable", "disable"),
}
IMITATED = {
    *("To", "From", "MessagingServiceSid", "Body", "MediaUrl", "StatusCallback", "ValidityPeriod", "Attempt"),
    *("MaxPrice", "MessageIntent", *FLAGS, *CHOICES),
}
FORM = "application/x-www-form-urlencoded"
GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_DOUBLE = frozenset("^{}\\[~]|€\f")


@dataclass
class Refusal(Exception):
    """An error answer of Twilio's."""

    status: int
    code: int
    message: str

    def document(self) -> dict[str, Any]:
        """The JSON body."""
        more = f"https://www.twilio.com/docs/errors/{self.code}"
        return {"code": self.code, "message": self.message, "more_info": more, "status": self.status}


@dataclass(frozen=True)
class Form:
    """A message to send, as it came and after it was found good; `fields` are all of them, in their order."""

    to: str
    from_: str | None
    service: str | None
    body: str
    media_urls: tuple[str, ...]
    status_callback: str | None
    fields: tuple[tuple[str, str], ...]


def not_found(path: str) -> Refusal:
    """Nothing is at this path."""
    return Refusal(404, 20404, f"The requested resource {path} was not found")


def is_url(text: str) -> bool:
    """Whether this is an absolute http(s) URL."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def keyword(body: str) -> str | None:
    """`STOP` or `START` when the whole text is a word of that meaning, in any case; else None."""
    word = body.strip().upper()
    return "STOP" if word in STOP_WORDS else "START" if word in START_WORDS else None


def segments(body: str) -> int:
    """How many SMS the text takes: GSM-7 has 160 (then 153) places in one, UCS-2 has 70 (then 67)."""
    if all(character in GSM or character in GSM_DOUBLE for character in body):
        length, one, each = len(body) + sum(character in GSM_DOUBLE for character in body), 160, 153
    else:
        length, one, each = len(body.encode("utf-16-le", "surrogatepass")) // 2, 70, 67
    return 1 if length <= one else -(-length // each)


def read_form(content_type: str, raw: bytes) -> tuple[tuple[str, str], ...]:
    """The fields of a form body. Raises `Refusal` for any other body."""
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise Refusal(415, 20001, f"Content-Type must be {FORM}, not {content_type or 'absent'}")
    try:
        return tuple(parse_qsl(raw.decode(), keep_blank_values=True, strict_parsing=bool(raw), errors="strict"))
    except ValueError as error:
        raise Refusal(400, 20001, f"The body is not a form in UTF-8: {error}") from error


def check_form(
    fields: tuple[tuple[str, str], ...], numbers: Collection[str], services: Mapping[str, Collection[str]]
) -> Form:
    """The message that these fields ask for. Raises `Refusal`, with Twilio's codes where Twilio has one.

    Twilio ignores fields that it does not know; here they are refused, and so are those that this stand-in
    does not imitate (Content API, schedules).
    """
    single = {name: value for name, value in fields if name != "MediaUrl"}
    _check_names(fields)
    to, body = single.get("To", ""), single.get("Body", "")
    media = tuple(value for name, value in fields if name == "MediaUrl")
    if not to:
        raise Refusal(400, 21604, "A 'To' phone number is required.")
    if not re.fullmatch(r"\+[1-9]\d{7,14}", to):
        raise Refusal(400, 21211, f"Invalid 'To' Phone Number: {to}")
    from_, service = single.get("From") or None, single.get("MessagingServiceSid") or None
    _check_sender(to, from_, service, numbers, services)
    if not body and not media:
        raise Refusal(400, 21602, "Message body is required.")
    if len(body) > 1600:
        raise Refusal(400, 21617, "The concatenated message body exceeds the 1600 character limit")
    if len(media) > 10:
        raise Refusal(400, 21623, "Number of media files exceeds allowed limit")
    if not all(map(is_url, media)):
        raise Refusal(400, 21620, "Invalid media URL(s)")
    callback = single.get("StatusCallback")
    if callback is not None and not is_url(callback):
        raise Refusal(400, 21609, f"The StatusCallback URL {callback} is not a valid URL.")
    _check_values(single)
    return Form(to, from_, service, body, media, callback, fields)


def _check_names(fields: tuple[tuple[str, str], ...]) -> None:
    if strange := sorted({name for name, _ in fields} - IMITATED):
        raise Refusal(400, 20001, f"Unknown or not imitated fields: {', '.join(strange)}")
    counts = Counter(name for name, _ in fields if name != "MediaUrl")
    if doubled := sorted(name for name, count in counts.items() if count > 1):
        raise Refusal(400, 20001, f"Given more than once: {', '.join(doubled)}")


def _check_sender(
    to: str,
    from_: str | None,
    service: str | None,
    numbers: Collection[str],
    services: Mapping[str, Collection[str]],
) -> None:
    if from_ is None and service is None:
        raise Refusal(400, 21603, "A 'From' phone number is required.")
    if service is not None and service not in services:
        raise Refusal(400, 21705, f"The Messaging Service Sid {service} is invalid.")
    if service is not None and not services[service]:
        raise Refusal(400, 21703, "The Messaging Service does not have a phone number available to send a message")
    if from_ is None:
        return
    if from_ == to:
        raise Refusal(400, 21266, f"'To' and 'From' number cannot be the same: {to}")
    if service is not None and from_ not in services[service]:
        raise Refusal(400, 21712, f"The 'From' number {from_} does not belong to the Messaging Service {service}")
    if from_ not in numbers:
        raise Refusal(400, 21659, f"'From' {from_} is not a Twilio phone number or Short Code country mismatch")


def _check_values(single: Mapping[str, str]) -> None:
    for name in FLAGS:
        if single.get(name, "true") not in ("true", "false"):
            raise Refusal(400, 20001, f"{name} must be true or false")
    for name, choices in CHOICES.items():
        if single.get(name, choices[0]) not in choices:
            raise Refusal(400, 20001, f"{name} must be one of {', '.join(choices)}")
    for name, most in (("ValidityPeriod", 36000), ("Attempt", 100)):
        value = single.get(name, "1")
        if not (value.isascii() and value.isdigit() and 1 <= int(value) <= most):
            raise Refusal(400, 20001, f"{name} must be a whole number from 1 to {most}")
