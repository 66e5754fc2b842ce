"""Chat visitors with an open live socket (RFC 6455), as many as wanted on one event loop."""

from __future__ import annotations

import asyncio
import json
import time

from bench.http import Client

_HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-Fetch-Site: same-origin\r\n\r\n"
)
_TEXT, _PING, _PONG = 0x1, 0x9, 0xA
ATTEMPTS_AT_ONCE = 20


def _frame(kind: int, payload: bytes) -> bytes:
    """A client's frame; its mask is zero, which changes nothing."""
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return bytes([0x80 | kind]) + length + b"\0\0\0\0" + payload


class Visitor(asyncio.Protocol):
    """One visitor's live socket. `delays` gets the seconds each event took since it was published."""

    def __init__(self, path: str, token: str, delays: list[float]) -> None:
        self._path, self._token, self._delays = path, token, delays
        self._buffer = b""
        self._upgraded = False
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(_HANDSHAKE.format(path=self._path).encode())

    def connection_lost(self, error: Exception | None) -> None:
        """A socket that was refused says so."""
        if not self.ready.done():
            self.ready.set_exception(ConnectionResetError(f"the live socket was refused: {self._buffer[:100]!r}"))

    def data_received(self, data: bytes) -> None:
        """Take whole frames."""
        now = time.monotonic()
        self._buffer += data
        if not self._upgraded:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found or b" 101 " not in head:
                return
            self._upgraded, self._buffer = True, rest
            hello = {"type": "hello", "token": self._token, "after": 0}
            self.transport.write(_frame(_TEXT, json.dumps(hello).encode()))
        while len(self._buffer) >= 2:
            length, start = self._buffer[1] & 0x7F, 2
            if length == 126:
                length, start = int.from_bytes(self._buffer[2:4], "big"), 4
            if len(self._buffer) < start + length:
                return
            kind, payload = self._buffer[0] & 0xF, self._buffer[start : start + length]
            self._buffer = self._buffer[start + length :]
            self._take(kind, payload, now)

    def _take(self, kind: int, payload: bytes, now: float) -> None:
        if kind == _PING:
            self.transport.write(_frame(_PONG, payload))
        elif kind == _TEXT:
            frame = json.loads(payload)
            if frame["type"] == "typing":
                self._delays.append(now - frame["turn"] / 1e6)
            elif frame["type"] == "ready" and not self.ready.done():
                self.ready.set_result(None)


async def connect(port: int, line: str, count: int, delays: list[float], seconds: float) -> list[tuple[Visitor, str]]:
    """Open up to `count` live sockets, each from an address of its own, within `seconds`.

    Returns those that are ready, each with its visitor's address on the line. Raises `OSError` if none is."""
    gate = asyncio.Semaphore(ATTEMPTS_AT_ONCE)
    ready: list[tuple[Visitor, str]] = []

    async def one(number: int) -> None:
        async with gate:
            ready.append(await _visit(port, line, f"127.1.{number // 200}.{number % 200 + 1}", delays))

    tasks = [asyncio.create_task(one(number)) for number in range(count)]
    done, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel()
    failures = [error for task in done if (error := task.exception()) is not None]
    if not ready:
        raise failures[0] if failures else TimeoutError("no live socket was ready in time")
    return ready


async def _visit(port: int, line: str, source: str, delays: list[float]) -> tuple[Visitor, str]:
    """Begin a chat session and open its live socket."""
    headers = "Sec-Fetch-Site: same-origin\r\n"
    status, body = await Client(port).post(f"/webchat/{line}/session", b"{}", headers, source)
    if status != 200:
        raise ConnectionRefusedError(f"no chat session: {status} {body[:200]!r}")
    session = json.loads(body)
    _, visitor = await asyncio.get_running_loop().create_connection(
        lambda: Visitor(f"/webchat/{line}/live", session["token"], delays), "127.0.0.1", port, local_addr=(source, 0)
    )
    await visitor.ready
    return visitor, session["visitor"]
