"""How long clients may take to send a request and to go: gunicorn lets one who sends a letter every few seconds hold a
thread for ever, and waits for those who do not leave in the thread that accepts all others."""

from __future__ import annotations

import errno
import time
from typing import Any

from gunicorn import util  # type: ignore[import-untyped]
from gunicorn.http import RequestParser  # type: ignore[import-untyped]
from gunicorn.http.unreader import SocketUnreader  # type: ignore[import-untyped]

ARRIVAL_SECONDS = 20.0
"""For a request with its body, from its first bytes on."""

GOODBYE_SECONDS = 1.0
"""For a client to close its side, so that it surely has read the answer (RFC 9112, 9.6)."""


class TimedUnreader(SocketUnreader):  # type: ignore[misc]
    """Reads a connection for gunicorn's parser until the time of the request is over."""

    def __init__(self, sock: Any) -> None:
        super().__init__(sock)
        self._until = 0.0

    def begin(self) -> None:
        """The next request is read from now on."""
        self._until = time.monotonic() + ARRIVAL_SECONDS

    def chunk(self, size_hint: int | None = None) -> bytes:
        """The next bytes; none at the end. Raises `ConnectionResetError`, which gunicorn takes for a client that left,
        when the time is over or the socket waited in vain."""
        if time.monotonic() < self._until:
            try:
                found: bytes = super().chunk(size_hint)
                return found
            except BlockingIOError:
                pass
        raise ConnectionResetError(errno.ECONNRESET, "the request did not arrive in time")


def begin_request(conn: Any, config: Any) -> None:
    """Let the time of the next request on gunicorn's connection `conn` begin."""
    if conn.parser is None:
        conn.parser = RequestParser(config, conn.sock, conn.client)
        conn.parser.unreader = TimedUnreader(conn.sock)
    conn.parser.unreader.begin()


def say_goodbye(conn: Any) -> None:
    """Close gunicorn's connection `conn` in this thread, so that no other has to wait for the client to leave."""
    sock = conn.sock
    conn.close = lambda graceful=False: util.close(sock)
    util.close_graceful(sock, GOODBYE_SECONDS)
