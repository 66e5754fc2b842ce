"""Carries live events from the pipeline to the connections that show them; nothing here is a record.

Each topic is one customer on one line, named by core from credentials, never by a client. The bus keeps the
partial reply of a running turn, so that who connects late or reads by polling sees it too.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from receptionist.contracts.live import LiveEvent
from receptionist.errors import Interrupted

Topic = tuple[int, str]
"""(line id, the customer's address on the line)."""

BACKLOG = 1000
"""Events a slow connection may be behind before it is told to resume by cursor."""


class Subscription:
    """One connection's view of a topic; see `contracts.host.Watch`."""

    def __init__(self, bus: MemoryBus, topic: Topic) -> None:
        self._bus = bus
        self._topic = topic
        self._events: queue.Queue[LiveEvent | None] = queue.Queue(BACKLOG)
        self._ended = False

    def snapshot(self) -> Sequence[LiveEvent]:
        """Typing and the partial reply, as they are now."""
        return self._bus.snapshot(self._topic)

    def next(self, timeout: float) -> LiveEvent | None:
        """The next event; None after `timeout` seconds. Raises `Interrupted` when there will be no more."""
        if self._ended:
            raise Interrupted("This view is over; resume by cursor.")
        try:
            event = self._events.get(timeout=timeout)
        except queue.Empty:
            return None
        if event is None:
            raise Interrupted("This view is over; resume by cursor.")
        return event

    def push(self, event: LiveEvent) -> None:
        """Add an event; a connection that is too far behind is ended."""
        try:
            self._events.put_nowait(event)
        except queue.Full:
            self._ended = True

    def end(self) -> None:
        """Wake the reader and end the view."""
        try:
            self._events.put_nowait(None)
        except queue.Full:
            self._ended = True


@dataclass(slots=True)
class _Partial:
    """What is known of the reply of a running turn. `foreign`: the turn runs in another process."""

    turn: int
    foreign: bool = False
    pieces: list[str] = field(default_factory=list)
    length: int = 0
    touched: float = field(default_factory=time.monotonic)

    def append(self, text: str) -> None:
        self.pieces.append(text)
        self.length += len(text)
        self.touched = time.monotonic()


class MemoryBus:
    """A bus within one process; `elsewhere` is told of all that happens here, and `receive` of what happens there."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watching: dict[Topic, set[Subscription]] = {}
        self._partial: dict[Topic, _Partial] = {}
        self._closed = False
        self.elsewhere: Callable[[Topic, LiveEvent], None] = lambda topic, event: None
        """Set where there are other processes. Must neither raise nor wait: the lock is held."""

    def publish(self, topic: Topic, event: LiveEvent) -> None:
        """Hand an event to all who watch the topic, in order. Never raises, never waits."""
        with self._lock:
            self._remember(topic, event, foreign=False)
            self._push(topic, event)
            self.elsewhere(topic, event)

    def delta(self, topic: Topic, turn: int, text: str) -> None:
        """Publish the next piece of a turn's reply; its offset is counted here."""
        with self._lock:
            partial = self._partial.get(topic)
            if partial is None or partial.turn != turn:
                partial = self._partial[topic] = _Partial(turn)
            event = LiveEvent("delta", {"turn": turn, "offset": partial.length, "text": text})
            partial.append(text)
            self._push(topic, event)
            self.elsewhere(topic, event)

    def receive(self, topic: Topic, event: LiveEvent) -> None:
        """Take in an event of another process. A piece of a reply that does not fit what came before is dropped."""
        with self._lock:
            if event.type != "delta":
                self._remember(topic, event, foreign=True)
            elif not self._fits(topic, event.data):
                return
            self._push(topic, event)

    def sync(self, forget_before: float = math.inf) -> None:
        """Tell all who watch that events of other processes may have been missed.

        Partial replies of other processes not touched since `forget_before`, a reading of `time.monotonic()`, are
        withdrawn: their end may be among what was missed.
        """
        with self._lock:
            for topic, partial in list(self._partial.items()):
                if partial.foreign and partial.touched < forget_before:
                    del self._partial[topic]
                    self._push(topic, LiveEvent("reset", {"turn": partial.turn}))
            for watching in self._watching.values():
                for subscription in watching:
                    subscription.push(LiveEvent("sync"))

    def snapshot(self, topic: Topic) -> Sequence[LiveEvent]:
        """What a late comer must be shown."""
        with self._lock:
            partial = self._partial.get(topic)
            if partial is None:
                return []
            if not partial.pieces:
                return [LiveEvent("typing", {"turn": partial.turn})]
            return [LiveEvent("delta", {"turn": partial.turn, "offset": 0, "text": "".join(partial.pieces)})]

    @contextmanager
    def watch(self, topic: Topic) -> Iterator[Subscription]:
        """Follow a topic from now on."""
        subscription = Subscription(self, topic)
        with self._lock:
            if self._closed:
                subscription.end()
            self._watching.setdefault(topic, set()).add(subscription)
        try:
            yield subscription
        finally:
            with self._lock:
                watching = self._watching[topic]
                watching.discard(subscription)
                if not watching:
                    del self._watching[topic]

    def close(self) -> None:
        """End all views, now and later: the process is about to end."""
        with self._lock:
            self._closed = True
            for watching in self._watching.values():
                for subscription in watching:
                    subscription.end()

    def _push(self, topic: Topic, event: LiveEvent) -> None:
        for subscription in self._watching.get(topic, ()):
            subscription.push(event)

    def _remember(self, topic: Topic, event: LiveEvent, *, foreign: bool) -> None:
        data: dict[str, Any] = event.data
        partial = self._partial.get(topic)
        if event.type == "typing":
            self._partial[topic] = _Partial(data["turn"], foreign)
        elif partial is not None and partial.turn == data.get("turn") and data.get("direction") != "in":
            del self._partial[topic]

    def _fits(self, topic: Topic, data: dict[str, Any]) -> bool:
        partial = self._partial.get(topic)
        if partial is None or partial.turn != data["turn"]:
            if data["offset"] != 0:
                return False
            partial = self._partial[topic] = _Partial(data["turn"], foreign=True)
        if partial.length != data["offset"]:
            return False
        partial.append(data["text"])
        return True
