"""One cheap process for all that is not measured: customers, the model server and the vendor, on one event loop."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

from bench.http import Reply, Server, response

T = TypeVar("T")

REPLY = "We are open on Monday from nine to six, and you need no appointment."


class Answering(Protocol):
    """What answers the requests of one address; see `bench.http.Handler`."""

    def handle(self, line: bytes, body: bytes, reply: Reply) -> None: ...


class ModelServer:
    """OpenAI's Responses API, the least of it that a client needs; `latency` seconds before it answers."""

    def __init__(self) -> None:
        self.latency = 0.0
        self.calls = 0
        self._plain = response(json.dumps(_document(REPLY)).encode())
        events = b"".join(
            f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events_of(REPLY)
        )
        self._stream = response(events, b"text/event-stream; charset=utf-8")

    def handle(self, line: bytes, body: bytes, reply: Reply) -> None:
        """Answer a call, as a stream of events where it asks for one."""
        self.calls += 1
        tail = body[-400:] + body[:400]
        streamed = b'"stream": true' in tail or b'"stream":true' in tail or b'"stream":true' in body
        data = self._stream if streamed else self._plain
        if self.latency:
            asyncio.get_running_loop().call_later(self.latency, reply, data)
        else:
            reply(data)


class Vendor:
    """Takes sends and tells the customer who waits for one."""

    def __init__(self) -> None:
        self.sends = 0
        self._ids = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[float]] = {}

    def expect(self, customer: str) -> asyncio.Future[float]:
        """Resolves to the time (`time.monotonic()`) of the next send to this customer."""
        future: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting[customer] = future
        return future

    def handle(self, line: bytes, body: bytes, reply: Reply) -> None:
        """Take one send."""
        self.sends += 1
        reply(response(b'{"id": "sent-%d"}' % next(self._ids)))
        future = self._waiting.pop(json.loads(body)["to"], None)
        if future is not None and not future.done():
            future.set_result(time.monotonic())


class Town:
    """The event loop with both servers, in a thread; use it as a context manager."""

    def __init__(self) -> None:
        self.model, self.vendor = ModelServer(), Vendor()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="town", daemon=True)

    def __enter__(self) -> Town:
        self._thread.start()
        self.model_url = self.run(self.serve(self.model))
        self.vendor_url = self.run(self.serve(self.vendor))
        return self

    def __exit__(self, *args: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, T], timeout: float = 300.0) -> T:
        """Run a coroutine on the loop and wait for it."""
        return self.start(work).result(timeout)

    async def serve(self, server: Answering) -> str:
        """Let it answer on a free port; returns its URL."""
        listening = await self._loop.create_server(lambda: Server(server.handle), "127.0.0.1", 0, backlog=1024)
        return f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


def _document(reply: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": reply, "annotations": []}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    usage = {"input_tokens": 420, "output_tokens": 16, "total_tokens": 436}
    details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    document = {"id": "resp_1", "object": "response", "created_at": 1, "model": "bench", "status": "completed"}
    return {**document, "output": [message], "usage": {**usage, **details}}


def events_of(reply: str) -> list[dict[str, Any]]:
    """An answer as OpenAI streams it, one delta a word; 8 events besides."""
    words = [word + " " for word in reply.split(" ")]
    words[-1] = words[-1].rstrip()
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    document = _document(reply)
    item = document["output"][0]
    begun = {**document, "status": "in_progress", "output": []}
    deltas = [{"type": "response.output_text.delta", **place, "delta": word} for word in words]
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
        {"type": "response.content_part.added", **place, "part": {"type": "output_text", "text": ""}},
        *deltas,
        {"type": "response.output_text.done", **place, "text": reply},
        {"type": "response.content_part.done", **place, "part": item["content"][0]},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": document},
    ]
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]
