"""HTTP that keeps a wall-clock deadline: every wait on the network is cut to what is left of the call's time.

The client library's timeouts are per read, so a server that drips one byte a second, in headers or body,
outlives any of them. Here the network stream itself knows the call that waits on it.
"""

from __future__ import annotations

import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpcore2
import httpx2

from receptionist import ModelError

CHECK_SECONDS = 0.25
"""How often a silent wait asks whether the answer is still wanted."""
MAX_BYTES = 16 * 1024 * 1024
"""The longest answer that is read; a longer one is a fault or an attack."""

_waiting = threading.local()


class Call:
    """One call's limits: `deadline` is a reading of `time.monotonic()`, `silence` seconds without a byte.

    They hold for what this thread does on the network within `with call:`.
    """

    __slots__ = ("_before", "_check", "called_off", "deadline", "received", "silence")

    def __init__(self, deadline: float, silence: float, check: Callable[[], None]) -> None:
        self.deadline = deadline
        self.silence = silence
        self.received = 0
        self.called_off: BaseException | None = None
        self._check = check
        self._before: Call | None = None

    def remaining(self) -> float:
        """Seconds left. Raises `ModelError` when there are none."""
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise ModelError("The model gave no complete answer within the time allowed.", retryable=True)
        return seconds

    def check(self) -> None:
        """Raises `ModelError` after the deadline, and what the caller's own check raises, kept in `called_off`."""
        self.remaining()
        try:
            self._check()
        except BaseException as error:
            self.called_off = error
            raise

    def count(self, size: int) -> None:
        """Note `size` more bytes. Raises `ModelError` when the answer is longer than any real one."""
        self.received += size
        if self.received > MAX_BYTES:
            raise ModelError("The model server sent an endless answer.", retryable=True)

    def __enter__(self) -> None:
        """Within the block, this thread's network waits are this call's."""
        self._before = getattr(_waiting, "call", None)
        _waiting.call = self

    def __exit__(self, *_: object) -> None:
        _waiting.call = self._before


def _limit(timeout: float | None) -> float | None:
    call: Call | None = getattr(_waiting, "call", None)
    if call is None:
        return timeout
    return call.remaining() if timeout is None else min(timeout, call.remaining())


class DeadlineStream(httpcore2.NetworkStream):
    """A connection whose reads end at the waiting call's deadline and notice when the answer is called off."""

    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Up to `max_bytes`; b"" at the end of the connection."""
        call: Call | None = getattr(_waiting, "call", None)
        if call is None:
            return self._inner.read(max_bytes, timeout)
        silent_at = time.monotonic() + call.silence
        while True:
            wait = min(CHECK_SECONDS, call.remaining(), silent_at - time.monotonic())
            if wait <= 0:
                raise httpcore2.ReadTimeout(f"no byte for {call.silence:g} seconds")
            try:
                data = self._inner.read(max_bytes, wait)
            except httpcore2.ReadTimeout:
                call.check()
                continue
            call.count(len(data))
            return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of `buffer`."""
        self._inner.write(buffer, _limit(timeout))

    def close(self) -> None:
        """Close the connection."""
        self._inner.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        """The encrypted connection over this one."""
        return DeadlineStream(self._inner.start_tls(ssl_context, server_hostname, _limit(timeout)))

    def get_extra_info(self, info: str) -> Any:
        """What the inner stream knows."""
        return self._inner.get_extra_info(info)


class DeadlineBackend(httpcore2.NetworkBackend):
    """Opens connections that keep the waiting call's deadline."""

    def __init__(self) -> None:
        self._inner = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """A connection to `host`."""
        inner = self._inner.connect_tcp(host, port, _limit(timeout), local_address, socket_options)
        return DeadlineStream(inner)


class _Body(httpx2.SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        self._stream.close()


class DeadlineTransport(httpx2.BaseTransport):
    """A pool of such connections to one server, through the system's proxy where one is set.

    Errors are those of httpcore2, not httpx2.
    """

    def __init__(self, base_url: str) -> None:
        limits: dict[str, Any] = {"max_connections": 1000, "max_keepalive_connections": 100, "keepalive_expiry": 30.0}
        limits |= {"ssl_context": httpx2.create_ssl_context(), "network_backend": DeadlineBackend()}
        proxy = _proxy(base_url)
        self._pool: httpcore2.ConnectionPool
        if proxy is None:
            self._pool = httpcore2.ConnectionPool(**limits)
        else:
            url, login = proxy
            self._pool = httpcore2.HTTPProxy(proxy_url=url, proxy_auth=login, **limits)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request; the response's body is read as it arrives."""
        target = httpcore2.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        answer = self._pool.handle_request(
            httpcore2.Request(
                request.method,
                target,
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx2.Response(
            answer.status, headers=answer.headers, stream=_Body(answer.stream), extensions=answer.extensions
        )

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


def _proxy(base_url: str) -> tuple[str, tuple[str, str] | None] | None:
    """The proxy the system's settings (HTTPS_PROXY, NO_PROXY …) name for this server, and its login."""
    server = urllib.parse.urlsplit(base_url)
    proxies = urllib.request.getproxies()
    url = proxies.get(server.scheme) or proxies.get("all")
    if not url or urllib.request.proxy_bypass(server.netloc):
        return None
    parts = urllib.parse.urlsplit(url if "://" in url else f"http://{url}")
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    if parts.username is None:
        return bare, None
    return bare, (urllib.parse.unquote(parts.username), urllib.parse.unquote(parts.password or ""))
