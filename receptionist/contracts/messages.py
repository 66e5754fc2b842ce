"""What passes between a channel and core: messages in and out, and what vendors report about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Consent = Literal["", "stop", "start", "help"]
"""What a message says about being written to; see `consent_word`."""

Delivery = Literal["queued", "sent", "delivered", "read", "failed"]
"""How far a message got, as its vendor reports it; only moves forward, and failed is final unless it was read."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who wrote, in the channel's own terms. `address` is where a reply goes and what identifies the customer.

    Set `verified_email` or `verified_phone` (E.164) only when the channel proved it.
    """

    address: str
    name: str | None = None
    verified_email: str | None = None
    verified_phone: str | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a message. `url` is where `Channel.fetch` finds it; `name` is the sender's word for it."""

    content_type: str
    url: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message of a customer. `provider_message_id` makes it unique on its line, for ever.

    `consent` where the message is nothing but a word such as STOP: core then blocks or opens the line to the
    customer and lets no agent answer. "start" is an ordinary message unless the customer had opted out.

    `sent_at` is when the customer sent it, by the vendor's clock (an aware time); None where the vendor does not say.
    By it the latest word on consent is known, although an older one may come later.
    """

    provider_message_id: str
    sender: Sender
    text: str
    kind: str = "text"
    sent_at: datetime | None = None
    attachments: tuple[Attachment, ...] = ()
    consent: Consent = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a vendor reports about a message we sent: duplicates, late and early ones are all welcome.

    Name the message by the `key` it was sent with, where the vendor gives that back, else by
    `provider_message_id`. `alert`: something is wrong with the line, so that an admin must act. `opted_out`: the
    customer refused messages of this line.
    """

    status: Delivery
    provider_message_id: str | None = None
    key: str | None = None
    code: str | None = None
    error: str | None = None
    alert: bool = False
    opted_out: bool = False


@dataclass(frozen=True, slots=True)
class Echo:
    """A message that went out from the line's own address: ours, or one that a person wrote in the vendor's app.

    `to` is the customer. One that is not ours silences the agent.
    """

    provider_message_id: str
    to: str
    text: str
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What intake did with one inbound message: the row it has now. `duplicate`: it was there already."""

    message_id: int
    provider_message_id: str
    conversation_id: int
    duplicate: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Media:
    """A file that goes out with a message. `url` lets its vendor fetch it for an hour, without credentials."""

    content_type: str
    url: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Outbound:
    """One message to send. `key` is the same at every attempt: hand it to vendors that take an idempotency key.

    `recorded_at` is when it was written, before any attempt (UTC, the database's clock). `choices` are for buttons, on
    channels whose capabilities say that they have any.
    """

    id: int
    key: str
    to: str
    text: str
    attempt: int
    media: tuple[Media, ...] = ()
    recorded_at: datetime | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sent:
    """The vendor accepted; `provider_message_id` is its id for the message, if it gives one."""

    provider_message_id: str | None = None


@dataclass(frozen=True, slots=True)
class File:
    """A fetched attachment."""

    content: bytes
    content_type: str
