"""An HTTP API that answers as the test says, and remembers which credentials came."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.servers.local_server import Exchange, LocalServer


class Api(LocalServer):
    """Answers every request the same way: `say` how, or give it an `answering` of one's own."""

    def __init__(self) -> None:
        super().__init__()
        self.answering: Callable[[Exchange], None] = lambda exchange: exchange.answer(500, {})
        self.bodies: list[bytes] = []
        self.logins: list[str | None] = []

    def say(self, status: int, body: Any = b"", **headers: str) -> None:
        """Answer with this; header names with `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answering = lambda exchange: exchange.answer(status, body, named)

    def handle(self, exchange: Exchange) -> None:
        """Note the request and answer it."""
        self.bodies.append(exchange.rfile.read(int(exchange.headers.get("content-length", "0"))))
        self.logins.append(exchange.headers["authorization"])
        self.answering(exchange)
