"""A small threaded HTTP server on 127.0.0.1 for the tests' own servers to build on."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Handler = Callable[["Exchange"], None]


class Exchange(BaseHTTPRequestHandler):
    """One request being answered."""

    protocol_version = "HTTP/1.0"
    server: _Server

    def do_POST(self) -> None:
        """Hand the request to the server's handler; a client that is gone is no error."""
        try:
            self.server.handler(self)
        except OSError:
            self.close_connection = True

    do_GET = do_POST

    def json(self) -> Any:
        """The request's body."""
        return json.loads(self.rfile.read(int(self.headers.get("content-length", "0"))) or b"null")

    def answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        """Answer with JSON, or with these very bytes."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.begin(status, headers)
        self.wfile.write(data)

    def begin(self, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Begin an answer whose body ends with the connection."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.flush()

    def line(self, value: Any) -> None:
        """Write one line of JSON at once."""
        self.wfile.write(json.dumps(value).encode() + b"\n")
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, port: int, handler: Handler) -> None:
        self.handler = handler
        super().__init__(("127.0.0.1", port), Exchange)

    def server_bind(self) -> None:
        """Without the reverse look-up of `HTTPServer`."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed leaves a broken connection; anything else must be seen."""
        import sys

        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class LocalServer:
    """Serves `handle` while the `with` block lasts; subclasses say how."""

    def __init__(self, port: int = 0) -> None:
        self._server = _Server(port, self.handle)
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def handle(self, exchange: Exchange) -> None:
        """Answer one request, in a thread of its own."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
