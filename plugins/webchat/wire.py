"""One open socket, as JSON frames with limits, over Flask-Sock."""

from __future__ import annotations

import contextlib
import json
import re
import socket as sockets
import struct
from collections.abc import Mapping
from typing import Any

from simple_websocket import ConnectionClosed  # type: ignore[import-untyped]

from receptionist import Invalid

_FRAME_LIMIT = 8 * 1024
_WAITING_FRAMES = 16
_SEND_SECONDS = 10
_GOODBYE_SECONDS = 2.0
_KEY = re.compile(r"[A-Za-z0-9+/]{22}==")


class Gone(Exception):
    """The client went away."""


def check_handshake(headers: Mapping[str, str]) -> None:
    """Raise `Invalid` for a wrong opening of a WebSocket (RFC 6455, section 4.2.1). Names are in lower case.

    `Upgrade` and `Connection` have led to this route; the rest the library below would call a fault of ours.
    """
    if headers.get("sec-websocket-version") != "13" or not _KEY.fullmatch(headers.get("sec-websocket-key", "")):
        raise Invalid("A WebSocket handshake needs Sec-WebSocket-Version: 13 and a Sec-WebSocket-Key.")
    offers = headers.get("sec-websocket-protocol", "") + headers.get("sec-websocket-extensions", "")
    if not headers.get("host") or not offers.isascii():
        raise Invalid("A WebSocket handshake needs a Host, and ASCII where it offers protocols or extensions.")


class _Inbox(list[Any]):
    """Frames a client sent and we did not read yet. The reading thread takes `OSError` as a lost connection."""

    def append(self, frame: Any) -> None:
        if len(self) >= _WAITING_FRAMES:
            raise OSError("the client floods")
        super().append(frame)


class Wire:
    """Small frames, few at a time, and no thread held for ever by a client that does not read."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._connection = socket.sock
        socket.max_message_size = _FRAME_LIMIT
        socket.input_buffer = _Inbox(socket.input_buffer)
        with contextlib.suppress(OSError, NotImplementedError):
            # A descriptor of our own: the reading thread closes it when the client leaves, and gunicorn 27, finding
            # its own one closed, would count the connection as ended twice. (TLS sockets cannot be doubled.)
            socket.sock = socket.sock.dup()
        with contextlib.suppress(OSError):
            socket.sock.setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDTIMEO, struct.pack("ll", _SEND_SECONDS, 0))

    def send(self, frame: dict[str, Any]) -> None:
        """Send one frame. Raises `Gone`, also if the client does not read for some seconds."""
        try:
            self._socket.send(json.dumps(frame, separators=(",", ":")))
        except (ConnectionClosed, OSError) as error:
            raise Gone from error

    def receive(self, timeout: float) -> dict[str, Any] | None:
        """The next frame, or None after `timeout` seconds without one. Raises `Gone`, and `Invalid` for no JSON."""
        try:
            data = self._socket.receive(timeout=timeout)
        except (ConnectionClosed, OSError) as error:
            raise Gone from error
        return None if data is None else _frame(data)

    def close(self, code: int, reason: str) -> None:
        """Say goodbye, if somebody is still there (RFC 6455, section 7.4)."""
        with contextlib.suppress(ConnectionClosed, OSError):
            self._socket.close(code, reason)

    def hang_up(self) -> None:
        """Wait briefly for the client's goodbye, then end the connection.

        Left to gunicorn 27, this waiting would be done by the thread that accepts connections.
        """
        self._socket.thread.join(_GOODBYE_SECONDS)
        with contextlib.suppress(OSError):
            self._connection.shutdown(sockets.SHUT_RDWR)


def _frame(data: str | bytes) -> dict[str, Any]:
    try:
        frame = json.loads(data) if isinstance(data, str) and len(data) <= _FRAME_LIMIT else None
    except (ValueError, RecursionError) as error:
        raise Invalid("A frame must be a JSON object.") from error
    if not isinstance(frame, dict):
        raise Invalid("A frame must be a short JSON object in a text frame.")
    return frame
