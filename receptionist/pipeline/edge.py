"""What a message must be before it is stored: plain text of bounded size, edited by plugins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from receptionist.contracts.channel import Line
from receptionist.contracts.edits import EditableMessage
from receptionist.contracts.messages import Attachment, Inbound
from receptionist.errors import Invalid
from receptionist.parts import Parts
from receptionist.text import storable

LONGEST_ADDRESS = 320
LONGEST_ID = 400
LONGEST_NAME = 200
LONGEST_KIND = 20
LONGEST_TEXT = 100_000
LONGEST_URL = 2000
LONGEST_CODE = 40
LONGEST_ERROR = 1000
MOST_ATTACHMENTS = 20

log = structlog.get_logger()


def admitted(parts: Parts, line: Line, messages: Sequence[Inbound]) -> list[Inbound]:
    """The messages as they are stored. One that cannot be is left out and logged, for it must not cost the others.

    Raises `Invalid` if none is left.
    """
    found, refused = [], None
    for message in messages:
        try:
            found.append(_admit(parts, line, message))
        except Invalid as error:
            log.error("message_not_storable", line=line.id, channel=line.channel, reason=str(error))
            refused = error
    if refused is not None and not found:
        raise refused
    return found


def _admit(parts: Parts, line: Line, message: Inbound) -> Inbound:
    kind = _word(message.kind)[:LONGEST_KIND]
    name = " ".join(_word(message.sender.name).split())[:LONGEST_NAME] if message.sender.name else None
    sender = replace(message.sender, address=_name("sender", message.sender.address, LONGEST_ADDRESS), name=name)
    editable = EditableMessage(_word(message.text), kind, sender.address)
    parts.plugins.edit("edit_message", editable, message=editable, line=line)
    return replace(
        message,
        provider_message_id=_name("id", message.provider_message_id, LONGEST_ID),
        sender=sender,
        text=storable(str(editable.text))[:LONGEST_TEXT],
        kind=kind,
        sent_at=aware(line, message.sent_at),
        attachments=tuple(_attachment(each) for each in message.attachments[:MOST_ATTACHMENTS]),
    )


def _word(value: object) -> str:
    """A text as it can be stored, for a channel may hand over what its vendor left out or wrote as a number."""
    return "" if value is None else storable(str(value))


def aware(line: Line, at: datetime | None) -> datetime | None:
    """A time that says what it means; one without a zone says nothing, and counts as not told."""
    if at is None or (isinstance(at, datetime) and at.utcoffset() is not None):
        return at
    log.error("sent_at_not_usable", line=line.id, channel=line.channel, reason="it must be an aware datetime")
    return None


def _name(what: str, word: object, longest: int) -> str:
    """An id or address, which some vendors write as a number. Raises `Invalid`."""
    word = str(word) if type(word) is int else word
    if not isinstance(word, str):
        raise Invalid(f"The {what} of a message must be a text, not {type(word).__name__}.")
    if storable(word) != word:
        raise Invalid(f"The {what} of a message holds characters that are not text.")
    if not 0 < len(word) <= longest:
        raise Invalid(f"The {what} of a message must have 1 to {longest} characters.")
    return word


def _attachment(attachment: Attachment) -> Attachment:
    return Attachment(
        _word(attachment.content_type)[:100], _word(attachment.url)[:LONGEST_URL], _word(attachment.name)[:200]
    )
