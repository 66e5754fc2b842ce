"""A strict imitation of OpenAI's model API on 127.0.0.1, for tests and load runs. Standard library only.

In process::

    with ModelServer() as server:
        server.script(["Hello!", Error(429, headers={"Retry-After": "2"})])
        ...                      # point a client at server.url, with a key that begins with sk-test
        assert server.requests[0].body["store"] is False

As a program: `python -m tests.servers.model_server --port 8081 --seconds 1.0`.
"""

from __future__ import annotations

import argparse
import json
import socket
import ssl
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Self

from tests.servers.chat_rules import check_chat
from tests.servers.model_refusal import Refusal
from tests.servers.model_rules import PLAIN_MODELS, REASONING_MODELS, RETIRED, Memory, check_responses
from tests.servers.model_script import (
    OBFUSCATION,
    Answer,
    Call,
    Drip,
    Error,
    Hang,
    Item,
    Raw,
    chat_events,
    chat_object,
    echo,
    output_items,
    response_events,
    response_object,
)
from tests.servers.wire import Exchange, Request, read_request, shut

__all__ = ["Answer", "Call", "Drip", "Error", "Hang", "ModelServer", "Raw", "Request"]

KEY_PREFIX = "sk-test"
COMPLETE = ("completed", "incomplete", "nothing", "cut")
"""Ends of an answer that the server itself brought to its end, whatever the client saw of it."""


class ModelServer:
    """The server. `seconds`: the wait before the first token; `token_seconds`: the wait between tokens.

    `responses=False` makes it one of the many that have Chat Completions only. `keyless=True` makes it answer
    without a key, `tls` over TLS. `keep`: how many requests are remembered. `models_answer` replaces the list
    of models; `connections` counts those opened. All may be changed while it runs.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        seconds: float = 0.0,
        token_seconds: float = 0.0,
        responses: bool = True,
        keyless: bool = False,
        window: int = 2_000_000,
        keep: int = 100_000,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.seconds = seconds
        self.token_seconds = token_seconds
        self.responses = responses
        self.keyless = keyless
        self.window = window
        self.requests: deque[Request] = deque(maxlen=keep)
        self.reply: Callable[[Mapping[str, Any]], Item] = echo
        self.memory = Memory()
        self.models_answer: Item | None = None
        self.connections = 0
        self._tls = tls
        self._script: deque[Item] = deque()
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._sockets: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=1024)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """The base URL for clients."""
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        self._accepting = threading.Thread(target=self._accept, name="model-server", daemon=True)
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def script(self, items: Iterable[Item]) -> None:
        """Answer the next requests with these, in order; afterwards `reply` answers again."""
        with self._changed:
            self._script.extend(items)

    def wait_for(self, count: int, timeout: float = 5.0) -> list[Request]:
        """The requests, as soon as there are `count`. Raises `TimeoutError`."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.requests) >= count, timeout):
                raise TimeoutError(f"{len(self.requests)} of {count} requests came within {timeout} s")
            return list(self.requests)

    def close(self) -> None:
        """Stop, ending whatever hangs."""
        self._stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        with self._changed:
            sockets, threads = list(self._sockets), list(self._threads)
        for connection in sockets:
            shut(connection)
        for thread in threads:
            thread.join()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._converse, args=(connection,), daemon=True)
            with self._changed:
                self.connections += 1
                self._sockets.add(connection)
                self._threads.add(thread)
            thread.start()

    def _converse(self, connection: socket.socket) -> None:
        """Answer the requests of one connection until either side is done with it."""
        try:
            with self._secured(connection) as connection, connection.makefile("rb") as stream:
                while not self._stopping.is_set() and (request := read_request(stream)) is not None:
                    with self._changed:
                        self.requests.append(request)
                        self._changed.notify_all()
                    if not self._answer(Exchange(connection, self._stopping), request):
                        return
        except OSError:
            return  # the client is gone
        finally:
            with self._changed:
                self._sockets.discard(connection)
                self._threads.discard(threading.current_thread())

    def _secured(self, connection: socket.socket) -> socket.socket:
        return self._tls.wrap_socket(connection, server_side=True) if self._tls else connection

    def _answer(self, exchange: Exchange, request: Request) -> bool:
        """Answer one request; whether the connection can be used again."""
        try:
            self._check_key(request)
            route = (request.method, request.path)
            if route == ("GET", "/v1/models"):
                if self.models_answer is None:
                    return exchange.document(200, _models())
                return self._play(exchange, request, self.models_answer)
            if request.path.split("/")[2:3] == ["conversations"] and self.responses:
                return exchange.document(200, self.memory.conversations.answer(request))
            if route == ("POST", "/v1/responses") and self.responses:
                check_responses(self._body(request), self.memory, self.window)
            elif route == ("POST", "/v1/chat/completions"):
                check_chat(self._body(request), self.window)
            else:
                raise Refusal(404, f"Invalid URL ({request.method} {request.path})")
        except Refusal as refusal:
            return exchange.document(refusal.status, refusal.document(), refusal.headers)
        with self._changed:
            item = self._script.popleft() if self._script else None
        with self.memory.conversations.working(request.body):
            return self._play(exchange, request, self.reply(request.body) if item is None else item)

    def _check_key(self, request: Request) -> None:
        if self.keyless or request.key.startswith(KEY_PREFIX):
            return
        if not request.key:
            raise Refusal(401, "You didn't provide an API key. You need to provide it in an Authorization header.")
        hidden = f"{request.key[:4]}***{request.key[-4:]}"
        raise Refusal(401, f"Incorrect API key provided: {hidden}.", code="invalid_api_key")

    def _body(self, request: Request) -> Mapping[str, Any]:
        if not isinstance(request.body, dict):
            raise Refusal(400, "We could not parse the JSON body of your request.")
        return request.body

    def _play(self, exchange: Exchange, request: Request, item: Item) -> bool:
        """Give one scripted answer; whether the connection can be used again."""
        if isinstance(item, str):
            item = Answer(item)
        if isinstance(item, Error):
            kind = item.type or ("server_error" if item.status >= 500 else "invalid_request_error")
            refusal = Refusal(item.status, item.message, kind, item.param, item.code)
            return exchange.document(item.status, refusal.document(), item.headers)
        if isinstance(item, Raw):
            return exchange.whole(item.status, item.body, item.content_type, item.headers)
        if isinstance(item, Hang):
            return exchange.hang(headers=item.headers)
        chat = request.path == "/v1/chat/completions"
        if isinstance(item, Drip):
            events = (
                self._chat(Answer(item.text), request.body) if chat else self._events(Answer(item.text), request.body)
            )
            return exchange.drip(b"".join(events), item.seconds, headers=item.headers)
        if not request.body.get("stream") or item.whole:
            self._stopping.wait(self.seconds)
            return exchange.document(200, chat_object(item, request.body) if chat else self._object(item, request.body))
        return self._stream(
            exchange, item, self._chat(item, request.body) if chat else self._events(item, request.body)
        )

    def _output(self, answer: Answer, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        encrypted = "reasoning.encrypted_content" in (body.get("include") or ())
        return output_items(answer, reasons=body["model"] in REASONING_MODELS, encrypted=encrypted)

    def _object(self, answer: Answer, body: Mapping[str, Any]) -> dict[str, Any]:
        status = answer.end if answer.end in ("completed", "incomplete") else "failed"
        name, output = f"resp_{uuid.uuid4().hex}", self._output(answer, body)
        response = response_object(answer, body, output=output, status=status, response_id=name)
        self.memory.note(response, stored=body.get("store", True) is not False)
        if answer.end in COMPLETE:
            self.memory.conversations.complete(body, output)
        return response

    def _events(self, answer: Answer, body: Mapping[str, Any]) -> Iterator[bytes]:
        name, output = f"resp_{uuid.uuid4().hex}", self._output(answer, body)
        self.memory.note({"id": name, "output": output}, stored=body.get("store", True) is not False)
        hide = (body.get("stream_options") or {}).get("include_obfuscation", True)
        if answer.end in COMPLETE:
            self.memory.conversations.complete(body, output)
        for number, event in enumerate(response_events(answer, body, output, name)):
            event["sequence_number"] = number
            if hide and event["type"].endswith(".delta"):
                event["obfuscation"] = OBFUSCATION[: 16 - len(event["delta"]) % 16]
            yield f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()

    def _chat(self, answer: Answer, body: Mapping[str, Any]) -> Iterator[bytes]:
        for event in chat_events(answer, body):
            yield f"data: {json.dumps(event)}\n\n".encode()
        if answer.end in ("completed", "incomplete"):
            yield b"data: [DONE]\n\n"

    def _stream(self, exchange: Exchange, answer: Answer, events: Iterator[bytes]) -> bool:
        exchange.begin_stream()
        first = list(islice(events, 2))
        if self.seconds:
            exchange.chunk(b"".join(first))
            self._stopping.wait(self.seconds)
            first = []
        if self.token_seconds:
            for event in (*first, *events):
                exchange.chunk(event)
                self._stopping.wait(self.token_seconds)
        else:
            exchange.chunks((*first, *events))
        if answer.end == "cut":
            return False
        exchange.send(b"0\r\n\r\n")
        return True


def _models() -> dict[str, Any]:
    names = sorted(REASONING_MODELS | PLAIN_MODELS)
    models = [
        {"id": name, "object": "model", "created": 1, "owned_by": "openai", "shutdown_date": RETIRED.get(name)}
        for name in names
    ]
    return {"object": "list", "data": models}


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="A strict local model server.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0.0, help="wait before the first token")
    parser.add_argument("--token-seconds", type=float, default=0.0, help="wait between tokens")
    parser.add_argument("--no-responses", action="store_true", help="Chat Completions only")
    parser.add_argument("--keyless", action="store_true", help="answer without a key")
    options = parser.parse_args()
    server = ModelServer(
        options.port,
        seconds=options.seconds,
        token_seconds=options.token_seconds,
        responses=not options.no_responses,
        keyless=options.keyless,
        keep=1000,
    )
    with server:
        print(server.url, flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
