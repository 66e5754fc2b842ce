"""The deadline holds whatever the server does, and an answer can be called off while nothing arrives."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import openai  # noqa: F401 - loading it takes its time, and here time is measured
import pytest

from plugins.openai_model import OpenAIModel
from receptionist import Interrupted, ModelError, ModelEvent, TextDelta
from tests.models.support import make_model, make_request
from tests.servers.model_script import Item
from tests.servers.model_server import Answer, Drip, Error, Hang, ModelServer, Raw

pytestmark = pytest.mark.alone

Ask = Callable[..., list[ModelEvent]]

STALLS: dict[str, Item] = {
    "before the headers": Hang(),
    "after the headers": Hang(headers=True),
    "drip in the body": Drip(seconds=0.02),
    "drip in the headers": Drip(seconds=0.02, headers=True),
}


@pytest.mark.parametrize("stall", STALLS)
def test_answer_ends_at_the_deadline(server: ModelServer, ask: Ask, stall: str) -> None:
    server.script([STALLS[stall]])
    begun = time.monotonic()
    with pytest.raises(ModelError, match="within the time allowed") as caught:
        ask(seconds=0.4)
    assert 0.35 < time.monotonic() - begun < 0.8
    assert caught.value.retryable


def test_steady_stream_ends_at_the_deadline(server: ModelServer, model: OpenAIModel) -> None:
    server.token_seconds = 0.02
    server.script(["word " * 200])
    begun, pieces = time.monotonic(), 0
    with pytest.raises(ModelError, match="within the time allowed"):
        for event in model.stream(make_request(seconds=0.5)):
            pieces += isinstance(event, TextDelta)
    assert pieces > 3, "what came in time was handed on"
    assert 0.45 < time.monotonic() - begun < 0.9


def test_deadline_in_the_past_sends_nothing(server: ModelServer, ask: Ask) -> None:
    with pytest.raises(ModelError, match="within the time allowed"):
        ask(seconds=-1.0)
    assert not server.requests


def test_error_body_that_never_ends_is_cut_at_the_deadline(server: ModelServer, ask: Ask) -> None:
    server.script([Raw(500, b"{", headers={"Content-Length": "100"})])
    begun = time.monotonic()
    with pytest.raises(ModelError):
        ask(seconds=0.4)
    assert time.monotonic() - begun < 0.8


def test_server_that_accepts_and_reads_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        model = make_model(f"http://127.0.0.1:{deaf.getsockname()[1]}/v1")
        begun = time.monotonic()
        with pytest.raises(ModelError, match="within the time allowed"):
            list(model.stream(make_request(seconds=0.4)))
        assert time.monotonic() - begun < 0.8
        model.close()


def test_silence_is_given_up_before_the_deadline(server: ModelServer) -> None:
    model = make_model(server.url, openai_silence_seconds=0.3)
    server.script([Hang(headers=True)])
    begun = time.monotonic()
    with pytest.raises(ModelError, match="fell silent") as caught:
        list(model.stream(make_request(seconds=5)))
    assert time.monotonic() - begun < 1.0
    assert caught.value.retryable
    model.close()


@pytest.mark.parametrize("stall", [Hang(), Hang(headers=True)])
def test_answer_is_called_off_while_nothing_arrives(server: ModelServer, ask: Ask, stall: Item) -> None:
    server.script([stall])
    off = threading.Event()

    def check() -> None:
        if off.is_set():
            raise Interrupted("a newer message")

    def watch() -> None:
        server.wait_for(1)
        off.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    begun = time.monotonic()
    with pytest.raises(Interrupted, match="a newer message"):
        ask(check=check)
    assert time.monotonic() - begun < 1.0
    watcher.join()


def test_answer_is_called_off_at_the_next_piece(server: ModelServer, model: OpenAIModel) -> None:
    server.token_seconds = 0.01
    server.script(["word " * 100])
    seen: list[str] = []

    def check() -> None:
        if seen:
            raise Interrupted("shutdown")

    with pytest.raises(Interrupted):
        for event in model.stream(make_request(check=check)):
            assert isinstance(event, TextDelta)
            seen.append(event.text)
    assert len(seen) < 5


def test_error_of_the_callers_check_passes_unchanged(ask: Ask) -> None:
    def check() -> None:
        raise LookupError("lease lost")

    with pytest.raises(LookupError, match="lease lost"):
        ask(check=check)


def test_endless_answer_is_cut(server: ModelServer, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    from plugins.openai_model import deadline

    monkeypatch.setattr(deadline, "MAX_BYTES", 50_000)
    server.script(["word " * 10_000])
    with pytest.raises(ModelError, match="endless"):
        ask()


def test_server_that_leaves_the_connection_open_after_the_last_event(server: ModelServer, ask: Ask) -> None:
    done = b'{"type":"message","content":[{"type":"output_text","text":"Hi"}]}'
    body = b'data: {"type":"response.completed","response":{"status":"completed","output":[' + done + b"]}}\n\n"
    server.script([Raw(200, body, "text/event-stream", {"Content-Length": "9999"})])
    begun = time.monotonic()
    assert ask()[-1].text == "Hi"  # type: ignore[union-attr]
    assert time.monotonic() - begun < 0.8


def test_slow_first_token_is_waited_for(server: ModelServer, ask: Ask) -> None:
    server.seconds = 0.6
    server.script([Answer("Worth waiting for.")])
    assert ask()[-1].text == "Worth waiting for."  # type: ignore[union-attr]


def test_stall_leaves_the_next_answer_alone(server: ModelServer, ask: Ask) -> None:
    server.script([Hang(), Error(500)])
    with pytest.raises(ModelError):
        ask(seconds=0.2)
    with pytest.raises(ModelError, match="500"):
        ask()
    assert ask()[-1].text == "Echo: Hello"  # type: ignore[union-attr]
