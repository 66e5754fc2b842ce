"""What Twilio's webhooks and lists say, as messages and receipts of core."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from receptionist import Attachment, Inbound, Invalid, Receipt, Sender, consent_word

from .codes import OPTED_OUT, is_alert, words
from .settings import E164, Setup
from .signature import Form

MESSAGE_SID = re.compile(r"(SM|MM)[0-9a-fA-F]{32}")
ADDRESS = re.compile(
    r"\+[0-9]{2,15}|[0-9]{3,8}|(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9 &+_.-]{1,11}|[a-z]{2,20}:[\x21-\x7e]{1,200}"
)
"""A number, a short code, an alphanumeric sender, or an address of another channel such as `whatsapp:US.1234`."""

MAX_FILES = 10
KEY = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
DELIVERY = {
    **dict.fromkeys(("accepted", "scheduled", "queued", "sending"), "queued"),
    **dict.fromkeys(("undelivered", "failed", "canceled"), "failed"),
    **{status: status for status in ("sent", "delivered", "read")},
}
CONSENT: Mapping[str, Literal["stop", "start", "help"]] = {"STOP": "stop", "START": "start", "HELP": "help"}
KINDS = {"image": "image", "audio": "audio", "video": "video"}
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def is_status(form: Form) -> bool:
    """Whether the form reports what became of a message of ours."""
    return "MessageStatus" in form and not {"Body", "NumMedia"} & form.keys()


def read_receipt(form: Form, query: Mapping[str, str]) -> Receipt | None:
    """A status callback; None for a status that says nothing of delivery. Raises `Invalid`.

    The key is in the URL that we gave Twilio, which is part of what it signs.
    """
    status = DELIVERY.get(form.once("MessageStatus"))
    sid = _matching(MESSAGE_SID, form, "MessageSid")
    number = form.optional("ErrorCode")
    code = int(number) if re.fullmatch(r"[1-9][0-9]{0,5}", number) else None
    key = query.get("key", "")
    if status is None:
        return None
    failed = status == "failed"
    return Receipt(
        status=status,  # type: ignore[arg-type]  # the values of DELIVERY are core's
        provider_message_id=sid,
        key=key if KEY.fullmatch(key) else None,
        code=str(code) if code else None,
        error=words(code, clean(form.optional("ErrorMessage"))) if failed else None,
        alert=failed and is_alert(code),
        opted_out=failed and code in OPTED_OUT,
    )


def read_message(form: Form, setup: Setup) -> Inbound | None:
    """An inbound message; None for one that needs no answer. Raises `Invalid`.

    Twilio's signature does not say where one field ends and the next begins, so every field that is used must be
    there once, in its own strict shape.
    """
    sid, sender = _matching(MESSAGE_SID, form, "MessageSid"), _matching(ADDRESS, form, "From")
    to, service = _matching(ADDRESS, form, "To"), form.optional("MessagingServiceSid")
    if not is_for(setup, to, service):
        raise Invalid("The message is for another number than this line's: check phone_number.")
    count = form.once("NumMedia") if "NumMedia" in form else "0"
    if not re.fullmatch(r"[0-9]{1,3}", count):
        raise Invalid("NumMedia must be a number.")
    files = tuple(
        Attachment(media_type(form.optional(f"MediaContentType{number}")), form.once(f"MediaUrl{number}"))
        for number in range(min(int(count), MAX_FILES))
        if f"MediaUrl{number}" in form
    )
    return make_inbound(
        setup,
        sid,
        sender,
        form.once("Body"),
        files,
        name=clean(form.optional("ProfileName")).strip()[:200],
        opt_out_type=form.optional("OptOutType"),
    )


def make_inbound(
    setup: Setup,
    sid: str,
    sender: str,
    body: str,
    files: tuple[Attachment, ...],
    *,
    name: str = "",
    opt_out_type: str = "",
    sent_at: datetime | None = None,
) -> Inbound | None:
    """The message, or None for our own number, an impossible address, and a message with nothing in it."""
    text = clean(body)
    ours = setup.number and sender.rpartition(":")[2] == setup.number
    if ours or not ADDRESS.fullmatch(sender) or not (text.strip() or files):
        return None
    return Inbound(
        provider_message_id=sid,
        sender=Sender(sender, name=name or None, verified_phone=sender if is_phone(sender) else None),
        text=text,
        kind=KINDS.get(files[0].content_type.partition("/")[0], "file") if files else "text",
        sent_at=sent_at,
        attachments=files,
        consent=CONSENT.get(opt_out_type.upper()) or _consent(sender, text),
    )


def _consent(sender: str, text: str) -> Literal["", "stop", "start", "help"]:
    """What the words say. HELP is Twilio's to answer in text messages only: on `whatsapp:` it is for the agent."""
    word = consent_word(text)
    return "" if word == "help" and ":" in sender else word


def is_for(setup: Setup, to: str, service: str) -> bool:
    """Whether a message to this address, through this service, is the line's."""
    ours = setup.number and to.rpartition(":")[2] == setup.number
    return bool(ours or (setup.service and service == setup.service))


def is_phone(address: str) -> bool:
    """Whether an address is a telephone number that there can be."""
    import phonenumbers

    if not E164.fullmatch(address):
        return False
    try:
        return bool(phonenumbers.is_possible_number(phonenumbers.parse(address)))
    except phonenumbers.NumberParseException:
        return False


def media_type(value: str) -> str:
    """A media type without parameters, or the type of what is unknown (RFC 2046)."""
    plain = value.partition(";")[0].strip().lower()
    known = re.fullmatch(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,80}", plain)
    return plain if known else "application/octet-stream"


def clean(text: str) -> str:
    """The text without what a database refuses: NUL, and halves of surrogate pairs."""
    return _UNSTORABLE.sub("", text)


def _matching(pattern: re.Pattern[str], form: Form, name: str) -> str:
    value = form.once(name)
    if not pattern.fullmatch(value):
        raise Invalid(f"{name} has not the shape that Twilio gives it.")
    return value
