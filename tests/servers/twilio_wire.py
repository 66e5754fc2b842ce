"""The connections of the Twilio stand-in: a server that keeps connections open and can break them, and its CDN."""

from __future__ import annotations

import json
import socket
import socketserver
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.servers.twilio_rules import Refusal, not_found
from tests.servers.twilio_store import Media


class Exchange(BaseHTTPRequestHandler):
    """One request being answered; `path` is without the query. Connections are kept open, as Twilio keeps them."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def _begin(self) -> None:
        parts = urlsplit(self.path)
        self.path, self.query = parts.path, parse_qsl(parts.query, keep_blank_values=True)
        self.raw = self.rfile.read(int(self.headers.get("content-length", "0")))
        try:
            self.server.answer(self)
        except Refusal as refusal:
            self.refuse(refusal)
        except OSError:
            self.close_connection = True  # the client is gone

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = do_HEAD = _begin

    def setup(self) -> None:
        """Note the connection, so that the end of the server is its end too."""
        super().setup()
        with self.server.lock:
            self.server.connections[self.connection] = threading.current_thread()

    def finish(self) -> None:
        """Forget the connection."""
        with self.server.lock:
            self.server.connections.pop(self.connection, None)
        super().finish()

    def respond(self, status: int, body: bytes, content_type: str, headers: dict[str, str] | None = None) -> None:
        """Answer with these bytes."""
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if status != 204 and self.command != "HEAD":
            self.wfile.write(body)

    def document(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
        """Answer with JSON."""
        self.respond(status, json.dumps(document).encode(), "application/json", headers)

    def refuse(self, refusal: Refusal, headers: dict[str, str] | None = None) -> None:
        """Answer with an error of Twilio's."""
        more = {"WWW-Authenticate": 'Basic realm="Twilio API"'} if refusal.status == 401 else {}
        self.document(refusal.status, refusal.document(), {**more, **(headers or {})})

    def cut(self) -> None:
        """Reset the connection without an answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()
        self.connection.close()
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


class Server(ThreadingHTTPServer):
    """Serves `answer` on 127.0.0.1 while the `with` block lasts; its end cuts what hangs."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, port: int = 0) -> None:
        self.lock = threading.Lock()
        self.connections: dict[socket.socket, threading.Thread] = {}
        self.stopping = threading.Event()
        super().__init__(("127.0.0.1", port), Exchange)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)

    def server_bind(self) -> None:
        """Without the reverse look-up of `HTTPServer`."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, exchange: Exchange) -> None:
        """Answer one request, in a thread of its own. May raise `Refusal`."""
        raise NotImplementedError

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed leaves a broken connection; anything else must be seen."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.shutdown()
        self._thread.join()
        self.server_close()
        with self.lock:
            open_now = dict(self.connections)
        for connection, thread in open_now.items():
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
            thread.join(5)


class Cdn(Server):
    """Where media are in truth: another host, where a credential has no business.

    `leaks` are the `Authorization` headers that came nevertheless; such a request is refused, as S3 refuses it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.media: dict[str, Media] = {}
        self.leaks: list[str] = []
        self.requests = 0

    def place(self, media: Media) -> str:
        """The URL of a file."""
        self.media[f"/{media.sid}"] = media
        return f"{self.url}/{media.sid}?Signature=of-the-cdn"

    def answer(self, exchange: Exchange) -> None:
        """Give the file."""
        self.requests += 1
        if authorization := exchange.headers.get("authorization"):
            self.leaks.append(authorization)
            exchange.respond(400, b"<Error><Code>InvalidArgument</Code></Error>", "application/xml")
            return
        media = self.media.get(exchange.path)
        if media is None:
            raise not_found(exchange.path)
        exchange.respond(200, media.data, media.content_type)
