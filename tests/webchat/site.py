"""Two processes a browser test talks to: the chat server, and a shop's website on another origin."""

from __future__ import annotations

import http.client
import http.server
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import jwt

from .fake_app import KEY
from .fake_host import ACCOUNT, IDENTITY_SECRET

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'self'; script-src {base}; connect-src {base} {live}">
<link rel="stylesheet" href="/shop.css"></head><body>
<header><b>Salón Aurora</b><nav><a href="#">Services</a> <a href="#">Team</a> <a href="#">Prices</a></nav></header>
<main><h1>Hair, calm and good coffee.</h1><p>In the heart of the old town since 1998.</p>
<button id="before">Book</button></main>
<script src="{base}/webchat/widget.js" data-line="{key}" {attributes} async></script></body></html>"""
CSS = """*{font-family:Georgia,serif;letter-spacing:.02em}body{margin:0;background:#f3ece2;color:#3b2f26}
div{display:none!important}textarea{background:red!important}button{border-radius:0;padding:12px 20px}
header{display:flex;justify-content:space-between;padding:24px 8vw}nav a{margin-left:20px;color:inherit}
main{padding:10vh 8vw}h1{font-size:clamp(32px,6vw,72px);margin:0 0 16px;max-width:12em}
@media (prefers-color-scheme:dark){body{background:#1d1916;color:#e9dfd3}}"""


class ChatServer(Protocol):
    """The application under test, and how a test steers its answers."""

    base_url: str
    key: str
    title: str
    greeting: str

    def reply(self, text: str, *, pace: float = 0.01, hold: int | None = None) -> None:
        """From now on answer `text` word by word, `pace` seconds apart; stop before word `hold` until `go`."""

    def go(self) -> None:
        """Let the held answer go on."""

    def received(self) -> list[list[str]]:
        """What visitors wrote, by conversation."""


class FakeServer:
    """The plugin on the fake host, under gunicorn."""

    key = KEY
    title = ACCOUNT
    greeting = "Hello! How can we help you?"  # the widget's own: the line has none

    def __init__(self, port: int) -> None:
        self.base_url = f"http://127.0.0.1:{port}"
        self._port = port

    def reply(self, text: str, *, pace: float = 0.01, hold: int | None = None) -> None:
        self._call("POST", "/control/script", {"text": text, "pace": pace, "hold": hold})

    def go(self) -> None:
        self._call("POST", "/control/go", {})

    def say(self, text: str, choices: Sequence[str] = (), author: str = "agent") -> None:
        """Let the business write to every visitor, with answers to choose from."""
        self._call("POST", "/control/say", {"text": text, "choices": choices, "author": author})

    def reset(self) -> None:
        """Take back every reply that is being written, as core does when a newer message comes."""
        self._call("POST", "/control/reset", {})

    def be_far_away(self, seconds: float) -> None:
        """Let browsers wait so long for the word that they may send, until the next `reply`."""
        self._call("POST", "/control/far", {"seconds": seconds})

    def add_line(self, **fields: Any) -> None:
        """One more line; `key` and the settings of a line."""
        self._call("POST", "/control/line", fields)

    def identity(self, sub: str, secret: str = IDENTITY_SECRET) -> str:
        """A JWT with which the shop vouches for a customer."""
        return jwt.encode({"sub": sub, "exp": int(time.time()) + 600}, secret, algorithm="HS256")

    def received(self) -> list[list[str]]:
        found: list[list[str]] = self._call("GET", "/control/received")
        return found

    def answers(self) -> bool:
        """Whether the server is up."""
        try:
            self.received()
        except OSError:
            return False
        return True

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def fake_server(sites: str) -> Iterator[FakeServer]:
    """Run the fake application; `sites` are the origins its lines allow."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-k", "gthread", "--threads", "64", "--graceful-timeout", "3"]
    command += ["-b", f"127.0.0.1:{port}", "--log-level", "warning", "--no-control-socket"]
    process = subprocess.Popen(
        [*command, "tests.webchat.fake_app:create()"], env={**os.environ, "PORT": str(port), "SITES": sites}
    )
    server = FakeServer(port)
    try:
        deadline = time.monotonic() + 20
        while not server.answers():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the chat server did not start")
            time.sleep(0.05)
        yield server
    finally:
        process.terminate()
        process.wait(15)


class _Shop(http.server.BaseHTTPRequestHandler):
    base_url = ""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        options = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        if url.path == "/shop.css":
            self._answer("text/css", CSS)
        elif url.path == "/":
            self._answer("text/html; charset=utf-8", self._page(options))
        else:
            self.send_error(404)

    def _page(self, options: dict[str, str]) -> str:
        key = options.pop("line")
        attributes = " ".join(f'data-{name}="{value}"' for name, value in options.items())
        live = self.base_url.replace("http", "ws", 1)
        return PAGE.format(base=self.base_url, live=live, key=key, attributes=attributes)

    def _answer(self, kind: str, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def shop(port: int, base_url: str) -> Iterator[str]:
    """A website with a strict content security policy that shows the chat; its address."""
    handler = type("Shop", (_Shop,), {"base_url": base_url})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://localhost:{port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
