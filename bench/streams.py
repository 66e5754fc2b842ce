"""A model server whose answers are as long, and come in as many pieces, as the name of the model asks for."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator
from typing import Any

from bench.http import Reply
from bench.load import REPLY, events_of

BESIDES_WORDS = 8
GAP = 0.003
"""Seconds between two packets, so that each is read by itself."""

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
_HIDING = "x7Qm2LrT0vZp9KdW"
"""OpenAI fills each delta up with random letters, so that its length tells nothing."""
_ECHOED = ("instructions", "tools")
"""What it repeats of the request in each event that holds the whole response."""


class Streams:
    """Answers `85-burst` with 85 events in one write, `85-packets` with a write for each; both in HTTP chunks."""

    def __init__(self) -> None:
        self._made: dict[str, list[bytes]] = {}

    def handle(self, line: bytes, body: bytes, reply: Reply) -> None:
        """Answer a call."""
        asked = json.loads(body)
        name = asked["model"]
        if name not in self._made:
            self._made[name] = _pieces(int(name.partition("-")[0]), {each: asked[each] for each in _ECHOED})
        pieces = self._made[name]
        if name.endswith("-burst"):
            reply(b"".join(pieces))
            return
        loop = asyncio.get_running_loop()
        for number, piece in enumerate(pieces):
            loop.call_later(GAP * number, reply, piece)


def _pieces(count: int, echo: dict[str, Any]) -> list[bytes]:
    """The head with the first event, then the others; the last one with the end of the body."""
    words = " ".join(itertools.islice(itertools.cycle(REPLY.split(" ")), count - BESIDES_WORDS))
    chunks = [b"%x\r\n%b\r\n" % (len(event), event) for event in _events(words, echo)]
    return [_HEAD + chunks[0], *chunks[1:-1], chunks[-1] + b"0\r\n\r\n"]


def _events(reply: str, echo: dict[str, Any]) -> Iterator[bytes]:
    for event in events_of(reply):
        if "delta" in event:
            event |= {"logprobs": [], "obfuscation": _HIDING[: 16 - len(event["delta"]) % 16]}
        if "response" in event:
            event["response"] |= echo
        yield f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
