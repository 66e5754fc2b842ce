"""F22, F23, F25, F26 and F28: hostile bodies, a locked database, duplicates, and many messages at once."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.harness.customers import Answer, ChatClient, Persistent, Texter, call
from tests.harness.installation import Installation
from tests.harness.instance import KEYS, SECRET
from tests.promise.records import Customer, messages, settle, turns
from tests.servers.brain import Brain
from tests.servers.vendor_server import VendorServer

HOSTILE = {
    "no JSON": b"{",
    "nothing": b"",
    "no object": b"[]",
    "lone surrogate": rb'{"id": "%s", "text": "\ud800"}',
    "NUL": rb'{"id": "%s", "text": "a\u0000b"}',
    "deep": b'{"id": "%s", "text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "NaN": b'{"id": "%s", "text": NaN}',
    "number": b'{"id": "%s", "text": 7}',
    "huge number": b'{"id": "%s", "text": ' + b"9" * 50_000 + b"}",
    "no UTF-8": b'{"id": "%s", "text": "\xff\xfe"}',
    "too large": b'{"id": "%s", "text": "' + b"a" * 3_000_000 + b'"}',
    "wrong id": b'{"id": "../../etc/passwd", "text": "hi"}',
}
FIVE_SECONDS_ARE_ONE = """
from receptionist import db, hookimpl

db.BUSY_SECONDS = 1.0

@hookimpl
def startup(host):
    assert db.BUSY_SECONDS == 1.0
"""


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_chat_bodies_are_refused(body: bytes, installation: Installation) -> None:
    visitor = ChatClient(installation.port)
    visitor.open()
    body = body.replace(b"%s", str(uuid.uuid4()).encode())
    path = f"/webchat/{KEYS.webchat}/messages"
    answer = call(installation.port, "POST", path, body, visitor.headers, source=visitor.source)
    assert answer.status in (400, 413), answer
    assert answer.body["error"]["code"]
    assert visitor.transcript() == []


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_webhooks_are_refused(body: bytes, installation: Installation) -> None:
    headers = {"X-Signature": hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}
    answer = call(installation.port, "POST", f"/webhooks/loopback/{KEYS.blind}", body, headers)
    assert answer.status in (400, 413), answer


def test_hostile_texts_in_a_vendors_format(installation: Installation) -> None:
    """A channel that lets a lone surrogate or a NUL pass must not make a 500 that the vendor repeats for ever."""
    for text in ("\ud800", "a\0b"):
        body = json.dumps({"messages": [{"id": uuid.uuid4().hex, "from": "someone", "text": text}]}).encode()
        headers = {"X-Signature": hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}
        assert call(installation.port, "POST", f"/webhooks/loopback/{KEYS.blind}", body, headers).status == 400


def test_a_wrong_signature_stores_nothing(installation: Installation, vendor: VendorServer) -> None:
    texter = Texter(installation.port, "blind", vendor)
    request = texter.message("Hello?")
    request._arguments[4]["X-Signature"] = "0" * 64
    assert request.once().status == 401
    assert messages(installation, texter, "in") == []


@contextlib.contextmanager
def locked(installation: Installation) -> Iterator[None]:
    """Somebody else writes to the database."""
    connection = sqlite3.connect(installation.path / "receptionist.db", isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def test_a_locked_database(install: Callable[..., Installation], vendor: VendorServer) -> None:
    """Locked for less than the patience: the message waits. For longer: 503, nothing stored, taken at the retry."""
    installation = install()
    installation.drop_in(FIVE_SECONDS_ARE_ONE, "impatient")
    installation.start()
    people: list[Customer] = [ChatClient(installation.port), Texter(installation.port, "askable", vendor)]
    for person in people:
        assert person.say("Are you there?") == "Echo: Are you there?"
        settle(installation, person)
        request = person.message("Do you wait?")
        with locked(installation):
            thread = request.in_background()
            thread.join(0.5)
            assert thread.is_alive(), "the answer must wait for the lock"
        thread.join(5)
        assert len(request.accepted) == 1
        person.wait_for_replies(2)
        settle(installation, person)
    requests = [person.message("Do you give up?") for person in people]
    with locked(installation):
        begun = time.monotonic()
        answers = [request.once() for request in requests]
        assert time.monotonic() - begun < 5
    for person, request, answer in zip(people, requests, answers, strict=True):
        assert (answer.status, answer.body["error"]["code"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        assert [row["text"] for row in messages(installation, person, "in")] == ["Are you there?", "Do you wait?"]
        request.until_accepted()
        assert person.wait_for_replies(3)[2] == "Echo: Do you give up?"


def at_once(requests: list[Persistent]) -> list[Answer]:
    """Send all at the same moment."""
    barrier = threading.Barrier(len(requests))

    def one(request: Persistent) -> Answer:
        barrier.wait()
        for _ in range(3):  # so many connections at once may be reset; vendors try again
            with contextlib.suppress(OSError, http.client.HTTPException):
                return request.once()
        return request.once()

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(one, requests))


def test_fifty_duplicates_are_one_message(installation: Installation, brain: Brain, vendor: VendorServer) -> None:
    texter = Texter(installation.port, "blind", vendor)
    text, one_id = f"Is it {uuid.uuid4().hex}?", uuid.uuid4().hex
    answers = at_once([texter.message(text, ids=[one_id]) for _ in range(50)])
    assert {answer.status for answer in answers} == {204}
    assert texter.wait_for_replies(1) == [f"Echo: {text}"]
    settle(installation, texter)
    assert texter.message(text, ids=[one_id]).once().status == 204
    settle(installation, texter)
    assert len(messages(installation, texter, "in")) == 1
    assert texter.replies() == [f"Echo: {text}"]
    assert len(brain.about(text)) == 1


def test_a_repeated_chat_message_is_taken_once(installation: Installation) -> None:
    visitor = ChatClient(installation.port)
    visitor.open()
    request = visitor.message("Only once?")
    answers = at_once([request] * 10)
    assert {answer.status for answer in answers} == {202}
    assert len({answer.body["id"] for answer in answers}) == 1
    assert sorted(answer.body["duplicate"] for answer in answers) == [False] + [True] * 9
    assert visitor.wait_for_replies(1) == ["Echo: Only once?"]
    settle(installation, visitor)
    assert visitor.transcript() == [("in", "Only once?"), ("out", "Echo: Only once?")]


def test_the_same_text_twice_is_two_messages(installation: Installation, vendor: VendorServer) -> None:
    for person in (ChatClient(installation.port), Texter(installation.port, "idempotent", vendor)):
        assert person.say("Yes.") == "Echo: Yes."
        assert person.say("Yes.") == "Echo: Yes."
        assert [row["text"] for row in messages(installation, person, "in")] == ["Yes.", "Yes."]


def test_an_album_of_a_new_contact_is_one_conversation(
    installation: Installation, brain: Brain, vendor: VendorServer
) -> None:
    """Six webhooks at once from somebody new, on two processes' worth of threads: one conversation, no overlap."""
    texter = Texter(installation.port, "blind", vendor)
    words = [f"photo {number} {uuid.uuid4().hex}" for number in range(6)]
    answers = at_once([texter.message(word) for word in words])
    assert {answer.status for answer in answers} == {204}
    texter.wait_for_replies(1)
    settle(installation, texter)
    taken = messages(installation, texter, "in")
    assert len({row["conversation"] for row in taken}) == 1
    assert sorted(row["text"] for row in taken) == sorted(words)
    assert [row["seq"] for row in taken] == sorted(row["seq"] for row in taken)
    assert "".join(texter.replies()) == "Echo: " + " | ".join(row["text"] for row in taken)
    assert brain.overlapping() == []
    assert len(turns(installation, texter)) == 1


def test_two_processes_never_answer_at_once(
    installation: Installation, install: Callable[..., Installation], brain: Brain, vendor: VendorServer
) -> None:
    """One customer's messages come in through two processes: answered in order, one turn at a time."""
    second = install(installation.path)
    second.start()
    address = f"both-{uuid.uuid4().hex[:8]}"
    doors = [Texter(port, "askable", vendor, address) for port in (installation.port, second.port)]
    texts = [f"Sentence {number}." for number in range(10)]
    for number, text in enumerate(texts):
        doors[number % 2].send(text)
    settle(installation, doors[0])
    taken = messages(installation, doors[0], "in")
    assert [row["text"] for row in taken] == texts
    assert {row["state"] for row in taken} == {"answered"}
    said = [text.removeprefix("Echo: ") for text in doors[0].replies()]
    assert " | ".join(said) == " | ".join(texts)
    assert brain.overlapping() == []
