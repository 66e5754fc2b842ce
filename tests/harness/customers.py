"""Customers of a running installation: a visitor of the web chat, and somebody who writes through the fake vendor."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import itertools
import json
import socket
import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any

import websocket

from tests.harness.instance import KEYS, SECRET
from tests.servers.vendor_server import VendorServer

_NETWORK = itertools.count(2)


@dataclass(frozen=True)
class Answer:
    """What the server answered."""

    status: int
    headers: dict[str, str]
    body: Any


def call(
    port: int,
    method: str,
    path: str,
    body: bytes | None,
    headers: dict[str, str],
    *,
    source: str = "",
    timeout: float = 30,
) -> Answer:
    """One request. Raises `OSError` or `http.client.HTTPException` if there is no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout, source_address=(source, 0) if source else None)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        data = response.read()
    finally:
        connection.close()
    names = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status, names, json.loads(data) if "json" in names.get("content-type", "") else data)


class Persistent:
    """Sends the same request until it is accepted, as the widget and vendors do."""

    def __init__(
        self, port: int, method: str, path: str, body: bytes, headers: dict[str, str], source: str = ""
    ) -> None:
        self._arguments = (port, method, path, body, headers)
        self._source = source
        self.accepted: list[Answer] = []

    def once(self, timeout: float = 30) -> Answer:
        """One attempt."""
        answer = call(*self._arguments, source=self._source, timeout=timeout)
        if 200 <= answer.status < 300:
            self.accepted.append(answer)
        return answer

    def until_accepted(self, timeout: float = 20.0) -> Answer:
        """Try until there is a 2xx; refusals other than 429 and 5xx are final."""
        until = time.monotonic() + timeout
        while True:
            try:
                answer = self.once()
                if answer.status < 429 or answer.status in (431, 451):
                    assert answer.status < 300, answer
                    return answer
            except (OSError, http.client.HTTPException):
                answer = None
            if time.monotonic() > until:
                raise TimeoutError(f"not accepted; last answer: {answer}")
            time.sleep(0.1)

    def in_background(self) -> threading.Thread:
        """One attempt in a thread, which may end with the server's process."""

        def attempt() -> None:
            try:
                self.once(timeout=60)
            except (OSError, http.client.HTTPException):
                return  # the server was killed, which is what these tests do

        thread = threading.Thread(target=attempt, daemon=True)
        thread.start()
        return thread


class ChatClient:
    """A visitor of the web chat, from an address of its own."""

    def __init__(self, port: int, key: str = KEYS.webchat) -> None:
        number = next(_NETWORK)
        self.source = f"127.{number >> 16 & 127}.{number >> 8 & 255}.{number & 255}"
        self.key = key
        self._path = f"/webchat/{key}"
        self.headers = {"Content-Type": "application/json"}
        self.address = ""
        self.turn_to(port)

    def turn_to(self, port: int) -> None:
        """Talk to another process of the same installation from now on."""
        self.port = port
        self.headers["Origin"] = f"http://127.0.0.1:{port}"

    def open(self) -> dict[str, Any]:
        """Get a session."""
        answer = call(self.port, "POST", f"{self._path}/session", b"{}", self.headers, source=self.source)
        assert answer.status == 200, answer
        self.token, self.address = answer.body["token"], answer.body["visitor"]
        self.headers["Authorization"] = f"Bearer {self.token}"
        body: dict[str, Any] = answer.body
        return body

    def message(self, text: str, message_id: str = "") -> Persistent:
        """A message that is ready to be sent, and sent again, with one id."""
        if not self.address:
            self.open()
        body = json.dumps({"id": message_id or str(uuid.uuid4()), "text": text}).encode()
        return Persistent(self.port, "POST", f"{self._path}/messages", body, self.headers, self.source)

    def send(self, text: str, message_id: str = "") -> Answer:
        """Send a message, with retries like the widget's."""
        return self.message(text, message_id).until_accepted()

    def poll(self, after: int = 0) -> dict[str, Any]:
        """Messages after a cursor, and what is going on."""
        answer = call(self.port, "GET", f"{self._path}/messages?after={after}", None, self.headers, source=self.source)
        assert answer.status == 200, answer
        body: dict[str, Any] = answer.body
        return body

    def transcript(self) -> list[tuple[str, str]]:
        """All messages as (direction, text)."""
        return [(message["direction"], message["text"]) for message in self.poll()["messages"]]

    def replies(self) -> list[str]:
        """All the receptionist said."""
        return [text for direction, text in self.transcript() if direction == "out"]

    def wait_for_replies(self, count: int, timeout: float = 15.0) -> list[str]:
        """The replies, when there are `count`; comes back like the widget when the connection is lost."""
        until = time.monotonic() + timeout
        while True:
            try:
                with self.follow() as follower:
                    while len(found := follower.replies()) < count:
                        follower.next(max(until - time.monotonic(), 0.01))
                    return found
            except (OSError, websocket.WebSocketException) as error:
                if time.monotonic() > until:
                    raise TimeoutError(f"{self.address} has no {count} replies") from error
                time.sleep(0.1)

    def say(self, text: str, timeout: float = 15.0) -> str:
        """Send a message and wait for the next reply."""
        with self.follow() as follower:
            self.send(text)
            return follower.next_reply(timeout)

    def follow(self, after: int = 0) -> Follower:
        """Open the live socket."""
        if not self.address:
            self.open()
        return Follower(self, after)


class Follower:
    """A live socket of a visitor; `frames` grow as they come."""

    def __init__(self, client: ChatClient, after: int) -> None:
        self.frames: list[dict[str, Any]] = []
        self._connection = socket.create_connection(("127.0.0.1", client.port), 20, (client.source, 0))
        try:
            self._socket = websocket.create_connection(
                f"ws://127.0.0.1:{client.port}/webchat/{client.key}/live",
                origin=client.headers["Origin"],
                socket=self._connection,
            )
            self._socket.send(json.dumps({"type": "hello", "token": client.token, "after": after}))
            self.until("ready")
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Follower:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close(timeout=1)
        self._connection.close()

    def next(self, timeout: float = 15.0) -> dict[str, Any]:
        """The next frame."""
        self._socket.settimeout(timeout)
        frame: dict[str, Any] = json.loads(self._socket.recv())
        self.frames.append(frame)
        return frame

    def until(self, kind: str, timeout: float = 15.0) -> dict[str, Any]:
        """The next frame of this type."""
        while (frame := self.next(timeout))["type"] != kind:
            pass
        return frame

    def replies(self) -> list[str]:
        """The recorded replies among the frames so far."""
        messages = [frame["message"] for frame in self.frames if frame["type"] == "message"]
        return [message["text"] for message in messages if message["direction"] == "out"]

    def next_reply(self, timeout: float = 15.0) -> str:
        """The text of the next recorded reply."""
        while (message := self.until("message", timeout)["message"])["direction"] != "out":
            pass
        return str(message["text"])


class Texter:
    """A customer who writes through the fake vendor, on one of the loopback lines."""

    def __init__(self, port: int, kind: str, vendor: VendorServer, address: str = "") -> None:
        self.port, self.kind, self._vendor = port, kind, vendor
        self.address = address or f"{kind}-{uuid.uuid4().hex[:12]}"

    def turn_to(self, port: int) -> None:
        """Talk to another process of the same installation from now on."""
        self.port = port

    def message(self, *texts: str, ids: list[str] | None = None) -> Persistent:
        """A webhook with these texts, signed by the vendor."""
        ids = ids or [uuid.uuid4().hex for _ in texts]
        messages = [{"id": one, "from": self.address, "text": text} for one, text in zip(ids, texts, strict=True)]
        body = json.dumps({"messages": messages}).encode()
        signature = self.sign(body)
        path = f"/webhooks/loopback/{getattr(KEYS, self.kind)}"
        return Persistent(self.port, "POST", path, body, {"X-Signature": signature, "Content-Type": "application/json"})

    @staticmethod
    def sign(body: bytes) -> str:
        """What the vendor signs a webhook with."""
        return hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()

    def send(self, *texts: str) -> Answer:
        """Write, with the vendor's retries."""
        return self.message(*texts).until_accepted()

    def replies(self) -> list[str]:
        """What reached this customer."""
        return self._vendor.to(self.address)

    def wait_for_replies(self, count: int, timeout: float = 15.0) -> list[str]:
        """The replies, when there are `count`."""
        self._vendor.wait_for(lambda: len(self.replies()) >= count, timeout)
        return self.replies()

    def say(self, text: str, timeout: float = 15.0) -> str:
        """Write and wait for the next reply."""
        before = len(self.replies())
        self.send(text)
        return self.wait_for_replies(before + 1, timeout)[before]
