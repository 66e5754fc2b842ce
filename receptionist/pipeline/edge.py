"""What a message must be before it is stored: plain text of bounded size, edited by plugins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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
    editable = EditableMessage(message.text, message.kind, message.sender.address)
    for _ in parts.plugins.each("edit_message", message=editable, line=line):
        pass
    sender = message.sender
    _check("id", message.provider_message_id, LONGEST_ID)
    _check("sender", sender.address, LONGEST_ADDRESS)
    if sender.name:
        sender = replace(sender, name=storable(sender.name)[:LONGEST_NAME])
    return replace(
        message,
        sender=sender,
        text=storable(str(editable.text))[:LONGEST_TEXT],
        kind=message.kind[:LONGEST_KIND],
        attachments=tuple(_attachment(each) for each in message.attachments[:MOST_ATTACHMENTS]),
    )


def _check(what: str, word: str, longest: int) -> None:
    if storable(word) != word:
        raise Invalid(f"The {what} of a message holds characters that are not text.")
    if not 0 < len(word) <= longest:
        raise Invalid(f"The {what} of a message must have 1 to {longest} characters.")


def _attachment(attachment: Attachment) -> Attachment:
    return Attachment(
        storable(attachment.content_type)[:100], storable(attachment.url)[:LONGEST_URL], storable(attachment.name)[:200]
    )
