"""Requests that are broken off, malformed, too long or too slow on their way (S24 to S26)."""

from __future__ import annotations

import contextlib
import io
import socket
import time
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient
from gunicorn.config import Config
from gunicorn.http import RequestParser

from receptionist import arrival
from receptionist.app import MAX_BODY
from receptionist.parts import Parts
from receptionist.web.bodies import WholeRequest
from tests.harness.installation import Installation

HEAD = b"POST /webhooks/none/none HTTP/1.1\r\nHost: a\r\n"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The time of the connections; starts at 100."""
    here = SimpleNamespace(now=100.0)
    monkeypatch.setattr(arrival, "time", SimpleNamespace(monotonic=lambda: here.now))
    return here


def sent(data: bytes) -> tuple[socket.socket, Any]:
    """A client's end of a connection on which it sent `data`, and the server's, as gunicorn holds it."""
    client, server = socket.socketpair()
    client.sendall(data)
    return client, SimpleNamespace(sock=server, client=("127.0.0.1", 1), parser=None)


def parsed(conn: Any) -> Any:
    arrival.begin_request(conn, Config())
    return next(conn.parser)


def test_s24_a_request_that_drips_in_is_given_up(clock: SimpleNamespace) -> None:
    client, conn = sent(HEAD + b"X-Slow: a")
    with client, conn.sock:
        drip = conn.sock.recv

        def later(size: int) -> bytes:
            clock.now += 5
            client.send(b"a")
            data: bytes = drip(size)
            return data

        conn.sock = SimpleNamespace(recv=later)
        with pytest.raises(ConnectionResetError):
            parsed(conn)
    assert clock.now == 100 + arrival.ARRIVAL_SECONDS


def test_s24_a_body_is_part_of_its_request_and_the_next_request_has_its_own_time(clock: SimpleNamespace) -> None:
    client, conn = sent(HEAD + b"Content-Length: 3\r\n\r\nabc")
    with client, conn.sock:
        assert parsed(conn).body.read() == b"abc"
        clock.now += arrival.ARRIVAL_SECONDS + 1
        client.sendall(HEAD + b"Content-Length: 3\r\n\r\na")
        body = parsed(conn).body
        clock.now += arrival.ARRIVAL_SECONDS + 1
        with pytest.raises(ConnectionResetError):
            body.read()


@pytest.mark.parametrize(
    "chunks",
    [b"zz\r\n{}\r\n0\r\n\r\n", b"-2\r\n{}\r\n0\r\n\r\n", b"2\r\n{}XX0\r\n\r\n", b"2\r\n{}\r\n0\r\nno header\r\n\r\n"],
    ids=["size", "negative", "end", "trailer"],
)
def test_s25_malformed_chunks_are_a_bad_request(client: FlaskClient, demo: Parts, chunks: bytes) -> None:
    parser = RequestParser(Config(), iter([HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks]), ("127.0.0.1", 1))
    answer = client.post(
        f"/webchat/{key(demo)}/session",
        headers={"Origin": demo.host.public_url},
        environ_overrides={"wsgi.input_terminated": True, "wsgi.input": next(parser).body},
    )
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (400, "bad_request")


def test_s24_a_body_in_chunks_has_the_limit_of_any_other(client: FlaskClient, demo: Parts) -> None:
    for path in (f"/webchat/{key(demo)}/session", f"/webhooks/webchat/{key(demo)}"):
        answer = client.post(
            path,
            input_stream=io.BytesIO(b"{}" + b" " * MAX_BODY),
            headers={"Origin": demo.host.public_url},
            environ_overrides={"wsgi.input_terminated": True},
        )
        assert answer.status_code == 413


def test_s26_a_part_of_a_body_is_not_taken_for_the_whole(client: FlaskClient, demo: Parts) -> None:
    answer = client.post(
        f"/webchat/{key(demo)}/session",
        input_stream=io.BytesIO(b"{}"),
        headers={"Origin": demo.host.public_url},
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": "100"},
    )
    assert answer.status_code == 400


def test_a_form_can_be_read_and_its_body_asked_for() -> None:
    request = WholeRequest.from_values(method="POST", data={"a": "b"})
    assert (request.form["a"], request.get_data()) == ("b", b"")


def test_s24_clients_that_do_not_leave_hold_nobody_up(installation: Installation) -> None:
    """Gunicorn waits two seconds for each of them, in the thread that accepts all others."""
    with contextlib.ExitStack() as stack:
        for _ in range(10):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", installation.port), timeout=10))
            client.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert client.recv(8) == b"HTTP/1.1"
        begun = time.monotonic()
        assert installation.healthy()
        assert time.monotonic() - begun < 5


def key(demo: Parts) -> str:
    return next(iter(demo.directory.office(1).lines.values())).key


def test_a_whole_body_may_be_read_as_text_and_more_than_once() -> None:
    def request() -> WholeRequest:
        return WholeRequest.from_values(method="POST", data='{"text": "für"}'.encode())

    assert request().get_data(as_text=True) == '{"text": "für"}'
    uncached = request()
    assert uncached.get_data(cache=False)
    assert uncached.get_data(cache=False) == b""
    streamed = request()
    streamed.stream.read()
    assert streamed.get_data() == b""
