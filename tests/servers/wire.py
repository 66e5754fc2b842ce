"""HTTP/1.1 as the local servers speak it, including how it goes wrong."""

from __future__ import annotations

import json
import socket
import threading
import urllib.parse
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    429: "Too Many Requests",
}


@dataclass(frozen=True)
class Request:
    """A request as it came; `body` is the parsed JSON, `key` what followed "Bearer "."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    key: str
    query: Mapping[str, str] = field(default_factory=dict)


def shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it was closed already


class Exchange:
    """Writes one answer."""

    def __init__(self, connection: socket.socket, stopping: threading.Event) -> None:
        self._connection = connection
        self._stopping = stopping

    def send(self, data: bytes) -> None:
        self._connection.sendall(data)

    def document(self, status: int, document: Any, headers: Mapping[str, str] = {}) -> bool:
        return self.whole(status, json.dumps(document).encode(), "application/json", headers)

    def whole(self, status: int, body: bytes, content_type: str, headers: Mapping[str, str]) -> bool:
        self.send(_head(status, {"Content-Type": content_type, "Content-Length": str(len(body)), **headers}) + body)
        return True

    def begin_stream(self) -> None:
        self.send(_head(200, {"Content-Type": "text/event-stream; charset=utf-8", "Transfer-Encoding": "chunked"}))

    def chunk(self, data: bytes) -> None:
        self.send(_chunk(data))

    def chunks(self, pieces: Iterable[bytes]) -> None:
        """All pieces, each a chunk of its own, in one write."""
        self.send(b"".join(map(_chunk, pieces)))

    def hang(self, *, headers: bool) -> bool:
        if headers:
            self.begin_stream()
        self._stopping.wait()
        return False

    def drip(self, body: bytes, seconds: float, *, headers: bool) -> bool:
        head = _head(200, {"Content-Type": "text/event-stream", "Content-Length": str(len(body))})
        if not headers:
            self.send(head)
            head = b""
        for byte in head + body:
            self.send(bytes((byte,)))
            if self._stopping.wait(seconds):
                return False
        return True


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Error')}", f"x-request-id: req_{uuid.uuid4().hex}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def read_request(stream: BinaryIO) -> Request | None:
    """The next request on the connection, or None at its end."""
    line = stream.readline(65537)
    if not line.strip():
        return None
    method, target, _ = line.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while (line := stream.readline(65537)) not in (b"\r\n", b"\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    raw = stream.read(int(headers.get("content-length", "0")))
    try:
        body = json.loads(raw) if raw else None
    except ValueError:
        body = raw
    key = headers.get("authorization", "").removeprefix("Bearer ").strip()
    path, _, query = target.partition("?")
    return Request(method, path, headers, body, key, dict(urllib.parse.parse_qsl(query)))
