"""HTTP/1.1 over bare asyncio protocols: a server and a client that cost a fraction of what they measure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

Reply = Callable[[bytes], None]
"""Sends one whole response: head and body."""
Handler = Callable[[bytes, bytes, Reply], None]
"""Takes the request's first line, its body, and what to answer with; may answer later."""


def response(body: bytes, kind: bytes = b"application/json", status: bytes = b"200 OK") -> bytes:
    """A whole response."""
    return b"HTTP/1.1 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (status, kind, len(body), body)


def _length(head: bytes) -> int:
    """The body's length as the head says it; 0 if it says none."""
    lower = head.lower()
    at = lower.find(b"\r\ncontent-length:")
    return int(lower[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


class Server(asyncio.Protocol):
    """One connection of a server; clients do not pipeline."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Hand a request on once it is whole."""
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self._buffer = b""
        self._handler(head.split(b"\r\n", 1)[0], body, self._transport.write)


class _Connection(asyncio.Protocol):
    """One connection of a client, one request at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self.open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def request(self, data: bytes) -> asyncio.Future[tuple[int, bytes]]:
        """Send a whole request; resolves to status and body."""
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(data)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self._buffer = b""
        if b"connection: close" in head.lower():
            self.open = False
            self.transport.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((int(head[9:12]), body))

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError("the server closed the connection"))


class Client:
    """Requests to one server over connections that stay open; as many connections as requests at once."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[_Connection] = []

    async def post(self, path: str, body: bytes, headers: str = "", source: str = "") -> tuple[int, bytes]:
        """Status and body of the answer. `headers` are lines, each ended by CR LF; `source` is an address to come from.

        A connection that the server closed between two requests is replaced once. Raises `OSError`.
        """
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        data = head.encode() + body
        while self._idle and not source:
            connection = self._idle.pop()
            if not connection.open:
                continue
            try:
                return await self._on(connection, data)
            except ConnectionResetError:
                break
        loop = asyncio.get_running_loop()
        local = (source, 0) if source else None
        _, connection = await loop.create_connection(_Connection, "127.0.0.1", self._port, local_addr=local)
        if not source:
            return await self._on(connection, data)
        try:
            return await connection.request(data)
        finally:
            connection.transport.close()

    async def _on(self, connection: _Connection, data: bytes) -> tuple[int, bytes]:
        answer = await connection.request(data)
        if connection.open:
            self._idle.append(connection)
        return answer

    def close(self) -> None:
        """Close what is idle."""
        for connection in self._idle:
            connection.transport.close()
        self._idle.clear()
