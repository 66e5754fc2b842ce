"""A stand-in for a channel's vendor: takes what the channel sends, and fails when told."""

from __future__ import annotations

import http.server
import json
import threading
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from receptionist.testing.case import Call, Delivered

if TYPE_CHECKING:
    from types import TracebackType

    from receptionist.testing.case import ChannelCase


class Vendor(Protocol):
    """What the suite asks of a stand-in. What is told about "the next" message holds for one request only."""

    @property
    def url(self) -> str:
        """Where the channel finds it."""

    def delivered(self) -> list[Delivered]:
        """What reached customers, in order."""

    def lose_answer(self) -> None:
        """The next message reaches its customer, but the channel hears nothing."""

    def refuse(self) -> None:
        """The next message is refused for good."""

    def meanwhile(self, action: Callable[[Delivered], None]) -> None:
        """Call `action` for the next message, after it reached its customer and before the channel hears of it."""


class HttpVendor:
    """The stand-in for vendors that take messages by HTTP; a case says how to read their requests.

    A message whose key was taken before reaches nobody again, as with vendors that take an idempotency key; an author
    whose vendor takes none leaves `Accepted.key` empty.
    """

    def __init__(self, case: ChannelCase) -> None:
        self._case = case
        self._lock = threading.Lock()
        self._delivered: list[Delivered] = []
        self._lose = self._refuse = False
        self._action: Callable[[Delivered], None] | None = None
        self._errors: list[BaseException] = []
        handler = type("Handler", (_Handler,), {"vendor": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> HttpVendor:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        if self._errors and error is None:
            raise self._errors[0]

    @property
    def url(self) -> str:
        """Where the channel finds it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def delivered(self) -> list[Delivered]:
        """What reached customers, in order."""
        with self._lock:
            return list(self._delivered)

    def lose_answer(self) -> None:
        """The next message reaches its customer, but its request ends without an answer."""
        self._lose = True

    def refuse(self) -> None:
        """The next message is answered with the case's `refusal`."""
        self._refuse = True

    def meanwhile(self, action: Callable[[Delivered], None]) -> None:
        """Call `action` for the next message before it is answered."""
        self._action = action

    def take(self, call: Call) -> tuple[int, Any] | None:
        """Status and body for one request; None to hang up. An error of the case fails the test."""
        try:
            return self._take(call)
        except BaseException as error:
            self._errors.append(error)
            return 500, {"error": str(error)}

    def _take(self, call: Call) -> tuple[int, Any] | None:
        id = uuid.uuid4().hex
        accepted = self._case.accept(call, id)
        if accepted is None:
            return self._case.answer(call, self.delivered())
        if self._refuse:
            self._refuse = False
            return self._case.refusal
        known = next((known for known in self.delivered() if accepted.key and known.key == accepted.key), None)
        if known is not None:
            accepted = self._case.accept(call, known.id) or accepted
        else:
            known = Delivered(id, accepted.to, accepted.text, accepted.key, call)
            with self._lock:
                self._delivered.append(known)
        action, self._action = self._action, None
        if action is not None:
            action(known)
        lose, self._lose = self._lose, False
        return None if lose else (accepted.status, accepted.answer)


class _Handler(http.server.BaseHTTPRequestHandler):
    vendor: HttpVendor
    timeout = 10

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.vendor.take(Call(self.command, self.path, headers, body))
        if answer is None:
            self.close_connection = True
            return
        status, document = answer
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
