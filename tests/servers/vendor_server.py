"""A fake vendor of a messaging channel: counts what it accepted, and fails in the ways vendors fail.

`POST /send` takes `{"key", "to", "text"}`; `GET /sent` lists what was accepted; `GET /missed/<line key>` what could
not be delivered to us; `GET /files/<name>` is a file of a customer; `POST /effects` takes an effect of a tool. Only an
idempotent vendor (`"dedup": true` in the request) takes a repeated key for the same message.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from tests.servers.local_server import Exchange, LocalServer

Failure = Literal["500", "429", "400", "403", "410", "garbage", "hang", "accept_then_hang", "cut", "accept_then_cut"]
"""`hang` and `cut` do not accept; the `accept_then_` ones do, but their answer never arrives."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that reached the customer."""

    key: str
    to: str
    text: str
    at: float


class VendorServer(LocalServer):
    """The vendor. `accepted` and `effects` grow in the order in which they were accepted."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.accepted: list[Accepted] = []
        self.effects: list[dict[str, Any]] = []
        self.attempts: list[dict[str, Any]] = []
        self.missed: dict[str, list[dict[str, str]]] = {}
        self._failures: dict[str, deque[Failure]] = defaultdict(deque)
        self._changed = threading.Condition()
        self._released = threading.Event()

    def fail(self, to: str, *failures: Failure) -> None:
        """Let the next attempts to send to this customer fail so, in order."""
        self._failures[to].extend(failures)

    def to(self, customer: str) -> list[str]:
        """The texts this customer received, in order."""
        with self._changed:
            return [message.text for message in self.accepted if message.to == customer]

    def wait_for(self, wanted: Callable[[], bool], timeout: float = 10.0) -> None:
        """Return when something that arrived here makes `wanted()` true. Raises `TimeoutError`."""
        with self._changed:
            if not self._changed.wait_for(wanted, timeout):
                raise TimeoutError(f"the vendor accepted {len(self.accepted)} messages, the last: {self.accepted[-5:]}")

    def __exit__(self, *args: object) -> None:
        self._released.set()
        super().__exit__(*args)

    def handle(self, exchange: Exchange) -> None:
        """Route a request."""
        if exchange.path.startswith("/files/"):
            exchange.answer(200, {"file": exchange.path}, {"Content-Type": "application/json"})
        elif exchange.path.startswith("/missed/"):
            exchange.answer(200, self.missed.get(exchange.path.removeprefix("/missed/"), []))
        elif exchange.command == "GET":
            with self._changed:
                exchange.answer(200, [{"key": message.key, "to": message.to} for message in self.accepted])
        elif exchange.path == "/effects":
            exchange.answer(200, self._effect(exchange.json()))
        else:
            self._send(exchange, exchange.json())

    def _effect(self, effect: dict[str, Any]) -> dict[str, int]:
        with self._changed:
            if not any(effect["key"] and effect["key"] == known["key"] for known in self.effects):
                self.effects.append(effect)
            self._changed.notify_all()
            return {"effects": len(self.effects)}

    def _send(self, exchange: Exchange, message: dict[str, Any]) -> None:
        with self._changed:
            self.attempts.append(message)
            waiting = self._failures[message["to"]]
            failure = waiting.popleft() if waiting else None
            accepts = failure is None or failure.startswith("accept") or failure == "garbage"
            if accepts and not (message["dedup"] and message["key"] in {known.key for known in self.accepted}):
                accepted = Accepted(message["key"], message["to"], message["text"], time.monotonic())
                self.accepted.append(accepted)
            self._changed.notify_all()
        if failure is None:
            exchange.answer(200, {"id": f"vendor-{message['key']}"})
        elif failure == "garbage":
            exchange.answer(200, b"<html>Welcome</html>")
        elif failure == "429":
            exchange.answer(429, {"error": "slow down"}, {"Retry-After": "7"})
        elif failure in ("400", "403", "410", "500"):
            exchange.answer(int(failure), {"error": "no"})
        elif failure.endswith("hang"):
            self._released.wait(30)
