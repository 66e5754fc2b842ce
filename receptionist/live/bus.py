"""Carries live events from the pipeline to the connections that show them; nothing here is a record.

Each topic is one customer on one line, named by core from credentials, never by a client. The bus keeps the
partial reply of a running turn, so that who connects late or reads by polling sees it too.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from receptionist.contracts.channel import LiveEvent
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


class MemoryBus:
    """A bus within one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watching: dict[Topic, set[Subscription]] = {}
        self._partial: dict[Topic, tuple[int, list[str], int]] = {}
        self._closed = False

    def publish(self, topic: Topic, event: LiveEvent) -> None:
        """Hand an event to all who watch the topic, in order. Never raises, never waits."""
        with self._lock:
            self._remember(topic, event)
            for subscription in self._watching.get(topic, ()):
                subscription.push(event)

    def delta(self, topic: Topic, turn: int, text: str) -> None:
        """Publish the next piece of a turn's reply; its offset is counted here."""
        with self._lock:
            known, pieces, length = self._partial.get(topic, (turn, [], 0))
            if known != turn:
                pieces, length = [], 0
            pieces.append(text)
            self._partial[topic] = (turn, pieces, length + len(text))
            event = LiveEvent("delta", {"turn": turn, "offset": length, "text": text})
            for subscription in self._watching.get(topic, ()):
                subscription.push(event)

    def snapshot(self, topic: Topic) -> Sequence[LiveEvent]:
        """What a late comer must be shown."""
        with self._lock:
            if topic not in self._partial:
                return []
            turn, pieces, _ = self._partial[topic]
            if not pieces:
                return [LiveEvent("typing", {"turn": turn})]
            return [LiveEvent("delta", {"turn": turn, "offset": 0, "text": "".join(pieces)})]

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

    def _remember(self, topic: Topic, event: LiveEvent) -> None:
        data: dict[str, Any] = event.data
        if event.type == "typing":
            self._partial[topic] = (data["turn"], [], 0)
        elif self._partial.get(topic, (None,))[0] == data.get("turn") and data.get("direction") != "in":
            self._partial.pop(topic, None)
