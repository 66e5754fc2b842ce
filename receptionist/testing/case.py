"""What the channel suite must know of a channel: how its vendor writes, signs and is written to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, urlencode

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from receptionist.contracts.messages import Delivery
    from receptionist.testing.vendor import Vendor

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message of a customer, for a case to put into its vendor's words. `id` is a UUID, `sender` an address."""

    id: str
    sender: str
    text: str


@dataclass(frozen=True, slots=True)
class TestLine:
    """The line under test. `url` is its webhook as the vendor knows it, `path` the same without scheme and host."""

    __test__ = False

    id: int
    key: str
    channel: str
    path: str
    url: str
    settings: Mapping[str, Any]
    """What `ChannelCase.settings` returned for it, secrets too."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the application. `path` may carry a query."""

    path: str
    body: bytes
    headers: Mapping[str, str]
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request that the channel made to its vendor. `path` has the query; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        """The body as a form; of a field that is there twice, the last."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message as the vendor took it: for whom, what, and what it answers.

    `key` only where the vendor takes it for an idempotency key: under one key a message reaches its customer once.
    """

    to: str
    text: str
    answer: Any
    key: str = ""
    status: int = 200


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message that reached a customer. `id` is the vendor's; `call` is the request that brought it, if any."""

    id: str
    to: str
    text: str
    key: str = ""
    call: Call | None = field(default=None, compare=False)


class ChannelCase:
    """Base of cases. Required: `channel`, `settings`, `payload`, `headers`, and `accept` where `send` calls a vendor.

    What a channel cannot do is left out: a method that is not overridden, an empty word. The checks that need it
    are then not collected.
    """

    channel: ClassVar[str]
    """`Channel.name`."""
    path: ClassVar[str] = "/webhooks/{channel}/{key}"
    """Where the webhook of a line is."""
    content_type: ClassVar[str] = JSON
    """How `payload` is encoded: `JSON`, or `FORM` for a flat dict of strings."""
    address: ClassVar[str] = "+353871234567"
    """The line's own address."""
    customers: ClassVar[Sequence[str]] = ("+353861112201", "+353861112202", "+353861112203")
    """Addresses of customers, as `Sender.address` holds them."""
    batches: ClassVar[bool] = False
    """Whether one request may carry several messages: `payload` then holds a list with one item for each."""
    signs_body: ClassVar[bool] = True
    """Whether another body under the same headers is a forgery; False where the headers only name the sender."""
    stop_word: ClassVar[str] = ""
    start_word: ClassVar[str] = ""
    """What customers write, in small letters or capitals, to opt out, and in again, if the channel knows of it
    (`Inbound.consent`)."""
    refusal: ClassVar[tuple[int, Any]] = (400, {"error": "refused"})
    """Status and body by which the vendor says that a message will never be sent."""

    def installation(self, vendor: str) -> Mapping[str, str]:
        """Settings of the installation, such as the vendor's address; `vendor` is the URL of its stand-in."""
        return {}

    def settings(self, vendor: str) -> Mapping[str, Any]:
        """Settings of a line. Asked for each line: make its secrets up anew, so that no two lines share one."""
        raise AssertionError(f"{type(self).__name__} needs settings()")

    def payload(self, line: TestLine, messages: Sequence[Incoming]) -> Any:
        """What the vendor sends for these messages: one, or several if it `batches`."""
        raise AssertionError(f"{type(self).__name__} needs payload()")

    def headers(self, line: TestLine, url: str, body: bytes) -> Mapping[str, str]:
        """What proves that the vendor sends `body` to `url`; nothing else, for the suite spoils each header in turn."""
        raise AssertionError(f"{type(self).__name__} needs headers()")

    def accept(self, call: Call, id: str) -> Accepted | None:
        """Read a request that the channel makes: the message, taken under the vendor's `id`; None if it is no send.

        `id` is 32 hexadecimal digits; put into the vendor's form, it goes into the answer.
        """
        raise AssertionError(f"{type(self).__name__} needs accept()")

    def answer(self, call: Call, delivered: Sequence[Delivered]) -> tuple[int, Any]:
        """Status and body for a request that is no send: asked what became of a message, a vendor looks there."""
        return 404, {}

    def receipt(self, line: TestLine, delivered: Delivered, status: Delivery) -> Request:
        """What the vendor reports of a message. `status`: "sent", "delivered" or "failed"."""
        raise AssertionError(f"{type(self).__name__} needs receipt()")

    def echo(self, line: TestLine, delivered: Delivered) -> Request:
        """What the vendor reports of a message that went out from the line, ours or a person's."""
        raise AssertionError(f"{type(self).__name__} needs echo()")

    def customer(self, line: TestLine, client: FlaskClient, number: int) -> str:
        """The address of a customer: override it where a customer must first sign in."""
        return self.customers[number]

    def vendor(self) -> AbstractContextManager[Vendor]:
        """The stand-in for the vendor: an HTTP server that goes by `accept`, `answer` and `refusal`."""
        from receptionist.testing.vendor import HttpVendor

        return HttpVendor(self)

    # --- what these come to ----------------------------------------------------------------------------

    def request(self, line: TestLine, messages: Sequence[Incoming]) -> Request:
        """The webhook that brings these messages."""
        return self.signed(line, self.payload(line, messages))

    def signed(self, line: TestLine, payload: Any, query: str = "") -> Request:
        """A webhook with this payload, or these bytes, under the vendor's signature."""
        body = payload if isinstance(payload, bytes) else self.encoded(payload)
        address = f"?{query}" if query else ""
        headers = {"Content-Type": self.content_type, **self.headers(line, line.url + address, body)}
        return Request(line.path + address, body, headers)

    def encoded(self, payload: Any) -> bytes:
        """The payload as the vendor writes it."""
        if self.content_type == FORM:
            return urlencode(payload, errors="replace").encode()
        return json.dumps(payload).encode()

    def decoded(self, body: bytes) -> Any:
        """The payload of a body that the vendor wrote."""
        if self.content_type == FORM:
            return dict(parse_qsl(body.decode(), keep_blank_values=True))
        return json.loads(body)

    def abilities(self) -> frozenset[str]:
        """What the checks may ask for: "sending", "receipts", "echoes", "consent", "batches", "signed bodies"."""
        words = {
            "sending": self._has("accept") or self._has("vendor"),
            "receipts": self._has("receipt"),
            "echoes": self._has("echo"),
            "consent": bool(self.stop_word and self.start_word),
            "batches": self.batches,
            "signed bodies": self.signs_body,
        }
        return frozenset(word for word, has in words.items() if has)

    def _has(self, method: str) -> bool:
        return getattr(type(self), method) is not getattr(ChannelCase, method)
