"""The live socket, over a real server."""

from __future__ import annotations

import http.client
import json
import struct
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
import websocket

from plugins.webchat.slots import SocketSlots
from receptionist import Unavailable

from .site import FakeServer, fake_server

SITE = "https://shop.example"


@pytest.fixture(scope="module")
def _live_server() -> Iterator[FakeServer]:
    with fake_server(SITE) as server:
        yield server


@pytest.fixture
def live(_live_server: FakeServer) -> FakeServer:
    _live_server.reply("You wrote: {text}")
    return _live_server


class Client:
    """A visitor who speaks the protocol by hand."""

    def __init__(self, server: FakeServer, line: str = "") -> None:
        self.address = urlsplit(server.base_url).netloc
        self.line = line or server.key
        self.session = self.call("POST", "session", {})
        self.token: str = self.session["token"]

    def call(self, method: str, path: str, body: Any = None, origin: str = SITE, **headers: str) -> Any:
        with closing(http.client.HTTPConnection(self.address, timeout=10)) as connection:
            sent = {"Origin": origin, "Authorization": f"Bearer {getattr(self, 'token', '')}", **headers}
            connection.request(method, f"/webchat/{self.line}/{path}", json.dumps(body), sent)
            return json.loads(connection.getresponse().read())

    def say(self, text: str) -> None:
        self.call("POST", "messages", {"id": str(uuid.uuid4()), "text": text})

    def connect(self, **options: Any) -> websocket.WebSocket:
        url = f"ws://{self.address}/webchat/{self.line}/live"
        return websocket.create_connection(url, timeout=10, **{"origin": SITE, **options})

    def hello(self, after: int = 0) -> websocket.WebSocket:
        socket = self.connect()
        socket.send(json.dumps({"type": "hello", "token": self.token, "after": after}))
        return socket


@contextmanager
def using(socket: websocket.WebSocket) -> Iterator[websocket.WebSocket]:
    """Free the socket at the end; its own `close` leaves that out once the server has closed."""
    try:
        yield socket
    finally:
        socket.shutdown()


def until(socket: websocket.WebSocket, wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    """The frames up to and with the wanted one."""
    frames: list[dict[str, Any]] = []
    while not frames or not wanted(frames[-1]):
        frames.append(json.loads(socket.recv()))
    return frames


def ready(frame: dict[str, Any]) -> bool:
    return frame["type"] == "ready"


def answered(frame: dict[str, Any]) -> bool:
    return frame["type"] == "message" and frame["message"]["direction"] == "out"


def close_code(socket: websocket.WebSocket) -> int:
    """The code the server closes with."""
    while True:
        opcode, data = socket.recv_data(control_frame=True)
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            return int(struct.unpack("!H", data[:2])[0])


def test_an_answer_streams_and_is_recorded(live: FakeServer) -> None:
    client = Client(live)
    with using(client.hello()) as socket:
        assert until(socket, ready) == [{"type": "ready", "after": 0}]
        client.say("Hi 😀 you")
        frames = until(socket, answered)
    assert [frame["type"] for frame in frames[:2]] == ["message", "typing"]
    deltas = [frame for frame in frames if frame["type"] == "delta"]
    assert "".join(delta["text"] for delta in deltas) == "You wrote: Hi 😀 you"
    assert [delta["offset"] for delta in deltas] == [0, 4, 11, 14, 16]
    assert frames[-1]["message"]["text"] == "You wrote: Hi 😀 you"
    assert frames[-1]["message"]["turn"] == deltas[0]["turn"]


def test_coming_back_replays_what_was_missed_and_what_is_going_on(live: FakeServer) -> None:
    client = Client(live)
    with using(client.hello()) as socket:
        until(socket, ready)
        client.say("one")
        seen = until(socket, answered)[-1]["message"]["id"]
    live.reply("now it takes long", hold=2)
    client.say("two")
    with using(client.hello(after=seen)) as socket:
        frames = until(socket, lambda frame: frame["type"] == "delta")
        if frames[-1]["text"] == "now ":
            frames += until(socket, lambda frame: frame["type"] == "delta")
        live.go()
        frames += until(socket, answered)
    texts = [frame["message"]["text"] for frame in frames if frame["type"] == "message"]
    assert texts == ["two", "now it takes long"]


def test_a_visitor_hears_nothing_of_another(live: FakeServer) -> None:
    ana, ben = Client(live), Client(live)
    with using(ana.hello()) as hers, using(ben.hello()) as his:
        until(hers, ready)
        until(his, ready)
        ana.say("ana")
        until(hers, answered)
        ben.say("ben")
        frames = until(his, answered)
    assert "ana" not in json.dumps(frames)


def test_a_ping_is_answered(live: FakeServer) -> None:
    with using(Client(live).hello()) as socket:
        until(socket, ready)
        socket.send('{"type":"ping"}')
        assert json.loads(socket.recv()) == {"type": "pong"}


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://shop.example.evil"])
def test_a_handshake_from_elsewhere_is_refused(live: FakeServer, origin: str) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        Client(live).connect(origin=origin)
    assert refused.value.status_code == 403


def test_a_handshake_without_an_origin_is_refused(live: FakeServer) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        Client(live).connect(origin=None, suppress_origin=True)
    assert refused.value.status_code == 403


HANDSHAKE = {
    "Connection": "keep-alive, Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Sec-WebSocket-Version", "99"),
        ("Sec-WebSocket-Version", ""),
        ("Sec-WebSocket-Key", ""),
        ("Sec-WebSocket-Key", "short"),
        ("Sec-WebSocket-Protocol", "\xff"),
        ("Host", ""),
    ],
)
def test_a_wrong_handshake_is_a_bad_request_and_no_fault(live: FakeServer, header: str, value: str) -> None:
    answer = Client(live).call("GET", "live", **{**HANDSHAKE, header: value})
    assert answer["error"]["code"] == "bad_request"


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ('{"type":"hello","token":"x.y.z"}', 4401),
        ('{"type":"hello"}', 4400),
        ('{"type":"hello","token":5}', 4400),
        ('{"type":"hello","token":"x","after":-1}', 4400),
        ('{"type":"hello","token":"x","after":true}', 4400),
        ('{"type":"hello","token":"\\ud800"}', 4401),
        ('{"type":"ping"}', 4400),
        ("[]", 4400),
        ("[" * 5000, 4400),
        ("nonsense", 4400),
    ],
)
def test_a_hostile_hello_ends_the_socket(live: FakeServer, frame: str, code: int) -> None:
    with using(Client(live).connect()) as socket:
        socket.send(frame)
        assert close_code(socket) == code


def test_an_overlong_frame_ends_the_socket(live: FakeServer) -> None:
    with using(Client(live).connect()) as socket:
        started = time.monotonic()
        socket.send("x" * 9000)
        with suppress(OSError):  # the rest of the frame, unread, may reset the connection
            assert close_code(socket) in {1009, 4400}
        assert time.monotonic() - started < 4  # not the time a hello may take


def test_a_client_that_does_not_hang_up_holds_nobody_else(live: FakeServer) -> None:
    client = Client(live)
    with using(client.connect()) as socket:
        socket.send("[]")
        assert close_code(socket) == 4400
        started = time.monotonic()
        for _ in range(20):
            client.call("GET", "messages")
            time.sleep(0.05)
        assert time.monotonic() - started < 1.9


def test_the_token_of_another_line_is_refused(live: FakeServer) -> None:
    client = Client(live)
    client.token = Client(live, "slow-line").token
    with using(client.hello()) as socket:
        assert close_code(socket) == 4401


def test_only_pings_may_follow(live: FakeServer) -> None:
    with using(Client(live).hello()) as socket:
        until(socket, ready)
        socket.send('{"type":"message","text":"hi"}')
        assert close_code(socket) == 4400


def test_who_says_nothing_is_let_go(live: FakeServer) -> None:
    with using(Client(live).connect()) as socket:
        started = time.monotonic()
        assert close_code(socket) == 4400
        assert 4 < time.monotonic() - started < 8


def test_a_flood_ends_the_socket(live: FakeServer) -> None:
    with using(Client(live).hello()) as socket:
        until(socket, ready)
        with pytest.raises((OSError, websocket.WebSocketException)):
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                socket.send('{"type":"ping"}')
    with using(Client(live).hello()) as socket:
        until(socket, ready)


def test_a_stop_tells_clients_to_come_back() -> None:
    with fake_server(SITE) as server:
        socket = Client(server).hello()
        until(socket, ready)
    with using(socket):
        assert close_code(socket) == 1012


def test_beyond_the_most_sockets_clients_are_sent_to_poll() -> None:
    slots = SocketSlots(4)
    slots.take("a")
    with pytest.raises(Unavailable):
        slots.take("a")  # a quarter each
    for address in "bcd":
        slots.take(address)
    with pytest.raises(Unavailable):
        slots.take("e")
    slots.give_back("b")
    slots.take("e")


def test_closed_sockets_give_their_places_back(live: FakeServer) -> None:
    client = Client(live)
    open_sockets: list[websocket.WebSocket] = []
    with pytest.raises(websocket.WebSocketBadStatusException) as full:
        while len(open_sockets) <= 25:
            open_sockets.append(client.connect())
    assert full.value.status_code == 503
    for socket in open_sockets:
        socket.shutdown()
    deadline = time.monotonic() + 10
    while True:
        try:
            client.connect().shutdown()
            return
        except websocket.WebSocketBadStatusException:
            assert time.monotonic() < deadline
            time.sleep(0.05)
