"""A channel: a kind of connection on which customers write."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from receptionist.errors import Invalid, SendUnknown

if TYPE_CHECKING:
    from receptionist.contracts.host import Host


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a channel can do; core adapts to it.

    `delivery`: "pull" when the customer's client fetches recorded messages itself (recording is delivering),
    "push" when `send` must call a vendor. `idempotent_send`: a repeated `send` with the same key reaches the
    customer once. `burst_seconds`: how long to wait for the rest after a fragment such as "hi"; a finished
    sentence is answered at once. `text_limit`: characters per message; longer replies are split.
    """

    delivery: Literal["pull", "push"] = "push"
    idempotent_send: bool = False
    streaming: bool = False
    text_limit: int = 4000
    burst_seconds: float = 2.0


@dataclass(frozen=True, slots=True)
class Line:
    """One configured address of an account on a channel, as plugins see it. `settings` is the channel's own model."""

    id: int
    account_id: int
    account: str
    channel: str
    key: str
    title: str
    address: str
    settings: Any
    greeting: str = ""
    """How the line's strategy greets; empty where there is none."""
    notice: str = ""
    """Words every customer must see, such as "Demo answers"; empty for a real model."""


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """An HTTP request as it came: raw bytes, nothing parsed, so that a channel can verify before it reads."""

    method: str
    url: str
    headers: Mapping[str, str]
    """Names in lower case."""
    query: Mapping[str, str]
    body: bytes
    remote_address: str

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises `Invalid` for anything else, however hostile (RFC 8259)."""
        try:
            value = json.loads(self.body.decode("utf-8"), parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise Invalid("The body must be a JSON object in UTF-8.") from error
        if not isinstance(value, dict):
            raise Invalid("The body must be a JSON object.")
        return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


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
class Inbound:
    """One message of a customer. `provider_message_id` makes it unique on its line, for ever."""

    provider_message_id: str
    sender: Sender
    text: str
    kind: str = "text"
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
class Outbound:
    """One message to send. `key` is the same at every attempt: hand it to vendors that take an idempotency key."""

    id: int
    key: str
    to: str
    text: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Sent:
    """The vendor accepted; `provider_message_id` is its id for the message, if it gives one."""

    provider_message_id: str | None = None


class LineSettings(BaseModel):
    """Base of a channel's `Settings`: the fields of one line. Fields of type `SecretStr` are stored encrypted."""

    model_config = ConfigDict(extra="forbid")


class Channel:
    """Base class of channels; return instances from the hook `register_channels`.

    A webhook is verified over its raw bytes, then parsed; neither may touch database or queue.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    capabilities: ClassVar[Capabilities] = Capabilities()
    Settings: ClassVar[type[LineSettings]] = LineSettings

    def __init__(self, host: Host) -> None:
        self.host = host

    def verify(self, request: WebhookRequest, line: Line) -> None:
        """Return if the request surely comes from the vendor; else raise `Refused`. Compare secrets as bytes."""
        raise NotImplementedError(f"{type(self).__name__}.verify")

    def parse(self, request: WebhookRequest, line: Line) -> Sequence[Inbound]:
        """All messages in the request, in order. Raises `Invalid` when it is not the vendor's format."""
        raise NotImplementedError(f"{type(self).__name__}.parse")

    def send(self, line: Line, message: Outbound) -> Sent:
        """Send to the vendor, with a timeout of 15 seconds at most in all: what hangs longer is taken over.

        Raise `SendRefused` (never again), `SendFailed` (surely not sent) or `SendUnknown` (perhaps sent).
        Channels with pull delivery are never asked.
        """
        raise NotImplementedError(f"{type(self).__name__}.send")

    def resolve_unknown(self, line: Line, message: Outbound) -> Sent | None:
        """After an unknown outcome: ask the vendor whether `message` went out. None: it surely did not.

        Raise `SendUnknown` when the vendor cannot tell; the message then waits for a person. The default
        says so for channels without idempotent send, and that sending again is safe for the others.
        """
        if self.capabilities.idempotent_send:
            return None
        raise SendUnknown(f"{self.title} cannot tell whether the message was sent")


@dataclass(frozen=True, slots=True)
class TranscriptMessage:
    """One recorded message as the customer may see it. `id` grows along the transcript: use it as a cursor."""

    id: int
    direction: Literal["in", "out"]
    text: str
    at: datetime
    provider_message_id: str | None = None
    turn: int | None = None
    """The turn in live events that this reply belongs to."""
    author: str = ""


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """Something a customer's client may show at once.

    `type`: "message" (recorded; `data["id"]` is its cursor), "typing", "delta" (`text` to append at `offset`
    characters of the reply of `turn`) or "reset" (forget the partial reply of `turn`).
    """

    type: Literal["message", "typing", "delta", "reset"]
    data: dict[str, Any] = field(default_factory=dict)
