"""The client library, used as transport: one shared client per process, raw bytes out, classified errors."""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.parse
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol, cast

from pydantic_core import to_json

from receptionist import InputTooLong, ModelError, ModelEvent, TextDelta

from .failures import from_status, scrub
from .sse import EventParser

if TYPE_CHECKING:
    import httpx2
    import openai

    from .deadline import Call

CONNECT_SECONDS = 5.0
HEADERS = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
UNSENT = (
    *("X-Stainless-Lang", "X-Stainless-Package-Version", "X-Stainless-OS", "X-Stainless-Arch", "X-Stainless-Runtime"),
    *("X-Stainless-Runtime-Version", "X-Stainless-Async", "x-stainless-retry-count", "x-stainless-read-timeout"),
)
"""Headers in which the client library describes this machine; no server needs them, and each costs time per call."""
DRAIN_SECONDS = 0.2
"""How long a stream that gave its last event may take to end, so that its connection can be used again."""


class Connection:
    """A model server and the key for it. Safe to use from any thread, and after a fork."""

    def __init__(self, base_url: str, key: str) -> None:
        self.base_url = base_url
        self.host = urllib.parse.urlsplit(base_url).hostname or base_url
        self._key = key
        self._made: tuple[int, openai.OpenAI] | None = None
        self._locks: dict[int, threading.Lock] = {}

    def client(self) -> openai.OpenAI:
        """This process's client. One made before a fork is never used after it: children sharing a connection
        receive each other's answers. The lock is this process's own too, as the parent may have forked locked."""
        made = self._made
        if made is not None and made[0] == os.getpid():
            return made[1]
        with self._locks.setdefault(os.getpid(), threading.Lock()):
            if self._made is None or self._made[0] != os.getpid():
                self._made = (os.getpid(), self._make())
            return self._made[1]

    def _make(self) -> openai.OpenAI:
        import httpx2
        import openai

        from .deadline import DeadlineTransport

        # No redirects: the key and the conversation go to the configured host only.
        http = httpx2.Client(
            transport=DeadlineTransport(self.base_url), timeout=60.0, follow_redirects=False, trust_env=False
        )
        weakref.finalize(self, http.close).atexit = False
        return openai.OpenAI(
            api_key=self._key or "none-needed", base_url=self.base_url, max_retries=0, timeout=60.0, http_client=http
        )

    def close(self) -> None:
        """Close this process's client, if there is one."""
        made, self._made = self._made, None
        if made is not None and made[0] == os.getpid():
            made[1].close()

    def post(self, path: str, body: Mapping[str, Any], call: Call) -> httpx2.Response:
        """Send `body` and return the response as soon as its headers are there. Its body may be endless."""
        import httpx2
        import openai

        client = self.client()
        timeout = httpx2.Timeout(min(CONNECT_SECONDS, call.remaining()), read=call.silence, write=call.silence)
        unsent = dict.fromkeys(UNSENT, openai.Omit())
        with call:
            return client.post(
                self.base_url + path,  # whole, as the library joins an address anew for each call
                cast_to=httpx2.Response,
                content=to_json(body),
                options={"timeout": timeout, "headers": {**HEADERS, **unsent}},
                stream=True,
                stream_cls=openai.Stream[httpx2.Response],  # never made: a response asked for is handed out as it is
            )  # type: ignore[return-value]

    def get(self, path: str, call: Call) -> Any:
        """The JSON document at `path`."""
        import httpx2

        with call:
            return json.loads(self.client().get(path, cast_to=httpx2.Response).content)

    def explain(self, error: Exception, deadline: float) -> ModelError:
        """What a failed call means. The text never holds the key."""
        made = error if isinstance(error, ModelError) else self._classify(error, deadline)
        kind = InputTooLong if isinstance(made, InputTooLong) else ModelError
        said = kind(self.clean(str(made)), retryable=made.retryable, retry_after=made.retry_after, admin=made.admin)
        said.spent = made.spent
        return said

    def clean(self, text: str) -> str:
        """The text without the key."""
        return scrub(text, self._key)

    def _classify(self, error: Exception, deadline: float) -> ModelError:
        import httpcore2
        import httpx2
        import openai

        if isinstance(error, openai.APIStatusError):
            return from_status(error.status_code, error.body, error.response.headers)
        if isinstance(error, (httpcore2.TimeoutException, openai.APITimeoutError)):
            late = time.monotonic() >= deadline
            what = "gave no complete answer within the time allowed" if late else "fell silent"
            return ModelError(f"The model server {self.host} {what}: {error}", retryable=True)
        if isinstance(error, (httpcore2.UnsupportedProtocol, httpcore2.LocalProtocolError, httpx2.InvalidURL)):
            return ModelError(f"OPENAI_BASE_URL or OPENAI_API_KEY cannot be used: {error}", admin=True)
        if isinstance(error, httpcore2.ConnectError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
            return ModelError(f"The certificate of {self.host} is not trusted here: {error}", admin=True)
        if isinstance(error, (ValueError, TypeError, AttributeError, LookupError, RecursionError)):
            return ModelError(f"The model server {self.host} sent something unreadable: {error}", retryable=True)
        return ModelError(f"The connection to {self.host} failed: {type(error).__name__}: {error}", retryable=True)


class Reader(Protocol):
    """Turns one answer's events into model events."""

    @property
    def finished(self) -> bool:
        """Whether the last event was seen."""

    def feed(self, name: bytes, data: bytes) -> Iterator[TextDelta]:
        """Take one server-sent event."""

    def whole(self, document: Mapping[str, Any]) -> None:
        """Take the answer of a server that does not stream."""

    def end(self) -> Iterator[ModelEvent]:
        """What is left to say, and `Completed`. Raises `ModelError` if the answer is not usable."""


def read(response: httpx2.Response, reader: Reader, call: Call) -> Iterator[ModelEvent]:
    """The model events of a response; it is closed afterwards, or left in the pool if it was read to its end."""
    with closing(response):
        pieces = _chunks(response, call)
        if "json" in response.headers.get("content-type", ""):
            reader.whole(json.loads(b"".join(pieces)))
        else:
            yield from _read_events(pieces, reader)
            _drain(pieces, call)
    yield from reader.end()


def _read_events(pieces: Iterator[bytes], reader: Reader) -> Iterator[ModelEvent]:
    parser = EventParser()
    for chunk in chain(pieces, (b"\n\n",)):  # for a server that does not end its last event
        for name, data in parser.feed(chunk):
            yield from reader.feed(name, data)
            if reader.finished:
                return


def _chunks(response: httpx2.Response, call: Call) -> Iterator[bytes]:
    """The body's bytes as they arrive, within the call's limits."""
    packed = "content-encoding" in response.headers
    iterator = response.iter_bytes() if packed else iter(cast("Iterable[bytes]", response.stream))
    while True:
        with call:
            chunk = next(iterator, None)
        if chunk is None:
            return
        call.check()
        yield chunk


def _drain(pieces: Iterator[bytes], call: Call) -> None:
    """Read the little that follows the last event, so that the connection can be used again."""
    import httpcore2

    call.deadline = min(call.deadline, time.monotonic() + DRAIN_SECONDS)
    try:
        for _ in pieces:
            pass
    except (ModelError, httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError):
        return  # the answer is complete; only the connection is lost
