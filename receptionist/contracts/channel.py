"""A channel: a kind of connection on which customers write."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from receptionist.contracts.messages import Attachment, Echo, File, Inbound, Outbound, Receipt, Sent
from receptionist.errors import FetchFailed, Invalid, SendUnknown

if TYPE_CHECKING:
    from receptionist.contracts.host import Host


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a channel can do; core adapts to it.

    `delivery`: "pull" when the customer's client fetches recorded messages itself (recording is delivering),
    "push" when `send` must call a vendor. `idempotent_send`: a repeated `send` with the same key reaches the
    customer once. `burst_seconds`: how long to wait for the rest after a fragment such as "hi"; a finished
    sentence is answered at once. `text_limit`: how long one message may be, as `Channel.length` counts; longer
    replies are split. `media`: whether `send` takes files. `choices`: how many short answers a message may offer as
    buttons; with 0 they become a numbered list. `reaches`: "phone" or "email" where that is the address a customer can
    be written to who never wrote there; "" where only who wrote first can be answered. `reply_window_seconds`: how long
    after a customer's last message the vendor takes texts for them; None where it always does. Nothing is sent later.
    """

    delivery: Literal["pull", "push"] = "push"
    idempotent_send: bool = False
    streaming: bool = False
    text_limit: int = 4000
    burst_seconds: float = 2.0
    media: bool = False
    choices: int = 0
    reaches: Literal["", "phone", "email"] = ""
    reply_window_seconds: float | None = None


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
    fallback_text: str = ""
    """What customers get while no strategy can answer them here."""
    revision: int = 0
    """The account's revision that this is a picture of."""


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
class Acknowledgement:
    """What a vendor hears once everything in its webhook is committed."""

    status: int = 204
    content_type: str = ""
    body: bytes = b""


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
    address_setting: ClassVar[str] = ""
    """The setting that says where customers write, on a channel without use for `Line.address`: the address that a line
    is added with is written there."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def addresses(self, settings: Any) -> Collection[str]:
        """The vendor's addresses of which a line with these settings takes all messages, such as its number.

        Two active lines may have none in common. Empty where only the line's key tells whose a message is, as it does
        on a website.
        """
        return ()

    def verify(self, request: WebhookRequest, line: Line) -> None:
        """Return if the request surely comes from the vendor; else raise `Refused`. Compare secrets as bytes."""
        raise NotImplementedError(f"{type(self).__name__}.verify")

    def parse(self, request: WebhookRequest, line: Line) -> Sequence[Inbound | Receipt | Echo]:
        """All that is in the request, in order; what is of no use is left out.

        Raises `Invalid` when it is not the vendor's format: one bad item should not cost the others.
        """
        raise NotImplementedError(f"{type(self).__name__}.parse")

    def acknowledge(self, request: WebhookRequest, line: Line) -> Acknowledgement:
        """What the vendor hears when all of its request is committed."""
        return Acknowledgement()

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

    def can_tell(self, line: Line) -> bool:
        """Whether a send on this line that was cut off can be cleared up, so that nothing is lost or doubled by it."""
        return self.capabilities.idempotent_send or type(self).resolve_unknown is not Channel.resolve_unknown

    def length(self, text: str) -> int:
        """How long a text is, in the unit of `capabilities.text_limit`; never shorter for a longer text."""
        return len(text)

    def fetch(self, line: Line, attachment: Attachment) -> File:
        """Fetch a file that came with a message, within 15 seconds and 20 MB. Raises `FetchFailed`.

        `attachment.url` is what the vendor wrote, so look at its host before any credential goes there.
        """
        raise FetchFailed(f"{self.title} has no files")

    def missed(self, line: Line, since: datetime) -> Sequence[Inbound]:
        """Messages the vendor has from `since` (UTC) on, oldest first; those we have are passed over.

        Asked at the start and every few minutes, for vendors that do not deliver a webhook again. Raise any error
        when the vendor cannot be asked; it is asked again later.
        """
        return ()

    @property
    def can_be_asked(self) -> bool:
        """Whether `missed` does anything."""
        return type(self).missed is not Channel.missed
