"""The live socket: what was missed, what is going on, then every event as it happens.

The client says hello with its token (never in a URL: those are logged) and the id of the last message it has.
Frames to the client: `message`, `typing`, `delta`, `reset`, `ready`, `pong`. Everything it holds is a view of
recorded messages, so a broken connection costs nothing: it comes back with its cursor.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from receptionist import (
    Host,
    Interrupted,
    Invalid,
    Line,
    LiveEvent,
    Refused,
    RequestError,
    Sender,
    TooMany,
    TranscriptMessage,
    Unavailable,
    Watch,
)

from .identity import read_token
from .wire import Gone, Wire

PAGE = 100
CONNECTS_PER_MINUTE = 60
HELLO_SECONDS = 5.0
RESTART, TRY_LATER = 1012, 1013
BAD_FRAME, WHO_ARE_YOU, SLOW_DOWN = 4400, 4401, 4429
_WAIT_SECONDS = 1.0
_LONGEST_SECONDS = 30 * 60
_EVENT_FIELDS = ("turn", "text", "offset")
_OVERLAP = 20
"""Messages read again after a gap: one with a lower id may have been committed later."""


class Live:
    """Serves live sockets."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def serve(self, socket: Any, line: Line) -> None:
        """Serve one open socket until it ends. The page's origin has been checked."""
        wire = Wire(socket)
        try:
            sender, after = self._hello(wire, line)
            self._follow(wire, line, sender, after)
            wire.close(RESTART, "resume")
        except Interrupted:
            wire.close(RESTART, "resume")
        except RequestError as error:
            wire.close(_close_code(error), error.code)
        except Gone:
            return  # it will be back with its cursor
        finally:
            wire.hang_up()

    def _hello(self, wire: Wire, line: Line) -> tuple[Sender, int]:
        frame = wire.receive(HELLO_SECONDS) or {}
        token, after = frame.get("token"), frame.get("after", 0)
        if frame.get("type") != "hello" or not isinstance(token, str):
            raise Invalid("The first frame must be hello, with a token.")
        if type(after) is not int or not 0 <= after < 10**15:
            raise Invalid("after must be the id of a message.")
        sender = read_token(self.host, line, token)
        self.host.limit("webchat-live", f"{line.id}/{sender.address}", CONNECTS_PER_MINUTE)
        return sender, after

    def _follow(self, wire: Wire, line: Line, sender: Sender, after: int) -> None:
        """Subscribe first, then read: nothing can fall in between, and what comes twice is sent once."""
        with self.host.watch(line, sender) as watch:
            view = _View(self.host, wire, line, sender, after)
            view.catch_up()
            for event in watch.snapshot():
                view.show(event)
            wire.send({"type": "ready", "after": view.cursor})
            _relay(wire, watch, view)


def _relay(wire: Wire, watch: Watch, view: _View) -> None:
    """Pass events on. A long life is cut, so that a changed line or a lapsed token is noticed."""
    end = time.monotonic() + _LONGEST_SECONDS
    while time.monotonic() < end:
        event = watch.next(_WAIT_SECONDS)
        if event is not None:
            view.show(event)
        while (frame := wire.receive(timeout=0)) is not None:
            if frame.get("type") != "ping":
                raise Invalid("Only pings are expected here.")
            wire.send({"type": "pong"})


class _View:
    """What one client has seen."""

    def __init__(self, host: Host, wire: Wire, line: Line, sender: Sender, cursor: int) -> None:
        self.cursor = cursor
        self._host, self._wire, self._line, self._sender = host, wire, line, sender
        self._sent: set[int] = set()
        self._turns: set[int | None] = set()

    def catch_up(self, before: int | None = None) -> None:
        """Send every recorded message the client lacks; `before`: look for that id too, should it be a late one."""
        start = self.cursor if before is None else min(self.cursor, before - 1)
        while page := self._host.transcript(self._line, self._sender, start, PAGE):
            for message in page:
                if message.id not in self._sent:
                    self._sent.add(message.id)
                    self._turns.add(message.turn)
                    self._wire.send({"type": "message", "message": present(message, self._sender)})
            start = page[-1].id
            self.cursor = max(self.cursor, start)
            if len(page) < PAGE:
                break

    def show(self, event: LiveEvent) -> None:
        if event.type == "message":
            self.catch_up(before=int(event.data["id"]))
            return
        if event.type != "sync" and (event.data.get("turn") is None or event.data["turn"] not in self._turns):
            fields = {name: event.data[name] for name in _EVENT_FIELDS if name in event.data}
            self._wire.send({"type": event.type, **fields})
        if event.type in ("sync", "reset"):  # an answer is withdrawn, perhaps for a person's that nobody told us of
            self.catch_up(before=min(sorted(self._sent)[-_OVERLAP:], default=None))


def present(message: TranscriptMessage, sender: Sender) -> dict[str, Any]:
    """A recorded message as the widget reads it; `client_id` is the id the widget gave it, if it did."""
    mine, prefix = message.provider_message_id or "", f"{sender.address}/"
    return {
        "id": message.id,
        "direction": message.direction,
        "text": message.text,
        "at": message.at.isoformat(),
        "turn": message.turn,
        "author": message.author,
        "choices": list(message.choices),
        "client_id": mine.removeprefix(prefix) if mine.startswith(prefix) else None,
    }


def snapshot_of(events: Sequence[LiveEvent], recorded_turns: Iterable[int | None]) -> dict[str, Any]:
    """What is going on now, for clients that poll: `typing`, and the `partial` reply unless it is recorded."""
    partial = None
    for event in events:
        if event.type == "delta" and event.data.get("turn") not in recorded_turns:
            partial = {"turn": event.data.get("turn"), "text": event.data.get("text", "")}
    return {"typing": any(event.type == "typing" for event in events), "partial": partial}


def _close_code(error: RequestError) -> int:
    if isinstance(error, Refused):
        return WHO_ARE_YOU
    if isinstance(error, TooMany):
        return SLOW_DOWN
    return TRY_LATER if isinstance(error, Unavailable) else BAD_FRAME
