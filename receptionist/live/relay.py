"""Carries live events between the processes of an installation, over one channel of Redis.

What cannot be carried is dropped, and whoever may have missed something is told to read the transcript: a "sync"
for every view after a gap in a publisher's numbers, after a new connection, about every second while there is no
connection, and now and then in any case, for a publisher that is cut off cannot say so.
"""

from __future__ import annotations

import json
import queue
import random
import threading
import time
import uuid
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import structlog

from receptionist.contracts.live import LiveEvent
from receptionist.live.bus import MemoryBus, Topic

if TYPE_CHECKING:
    from receptionist.live.link import RedisLink

BACKLOG = 10_000
"""Events of this process that may wait for Redis; more are dropped."""
BATCH = 500
ANSWER_SECONDS = 1.0
SILENCE_SECONDS = 2.0
"""A connection on which even a ping went unanswered for so long is given up."""
SYNC_SECONDS = 15.0
PUBLISHERS = 1000
"""Processes whose numbers are remembered."""
LONGEST_TURN_SECONDS = 90.0

log = structlog.get_logger()


class Relay:
    """Hands the events of this process to the others and, if it listens, theirs to this process's bus.

    Without a link every other process is out of reach for good: those who watch are told to read every second.
    """

    def __init__(self, link: RedisLink | None, bus: MemoryBus) -> None:
        self._link = link
        self._bus = bus
        self._channel = f"{link.name}:live" if link else ""
        self._outgoing: queue.SimpleQueue[tuple[Topic, LiveEvent] | None] = queue.SimpleQueue()
        self._lost = False
        self._numbers = Numbers()
        self._own = uuid.uuid4().hex
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, *, listen: bool) -> None:
        """Begin to carry; `listen`: somebody may watch here."""
        if self._link is not None:
            self._bus.elsewhere = self._post
            self._threads.append(threading.Thread(target=self._publish, name="relay-out", daemon=True))
        if listen:
            self._threads.append(threading.Thread(target=self._listen, name="relay-in", daemon=True))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Carry what is left, if Redis takes it within a second, and end."""
        self._stopped.set()
        self._outgoing.put(None)
        for thread in self._threads:
            thread.join(2 * ANSWER_SECONDS)

    def _post(self, topic: Topic, event: LiveEvent) -> None:
        if self._outgoing.qsize() < BACKLOG:
            self._outgoing.put((topic, event))
        else:
            self._lost = True

    def _publish(self) -> None:
        """Send all that is queued as one payload. A failed one uses up its number, which others see as a gap."""
        assert self._link is not None
        client = self._link.client(ANSWER_SECONDS, 1)
        number, owing, again_at = 0, False, 0.0
        while True:
            events, last = self._next_batch()
            if events or owing or self._lost:
                number += 1 + self._lost
                self._lost = False
                owing = True
                if time.monotonic() >= again_at:
                    try:
                        client.publish(self._channel, self._payload(number, events))
                        owing = False
                    except Exception:  # whatever it is: the next payload tells of the gap, and the link of the outage
                        again_at = time.monotonic() + ANSWER_SECONDS
            if last:
                client.close()
                return

    def _next_batch(self) -> tuple[list[tuple[Topic, LiveEvent]], bool]:
        """What is queued, after waiting a second for it, and whether it was the last."""
        batch: list[tuple[Topic, LiveEvent]] = []
        try:
            while len(batch) < BATCH:
                item = self._outgoing.get(timeout=ANSWER_SECONDS) if not batch else self._outgoing.get_nowait()
                if item is None:
                    return batch, True
                batch.append(item)
        except queue.Empty:
            pass
        return batch, False

    def _payload(self, number: int, events: list[tuple[Topic, LiveEvent]]) -> str:
        rows = [[*topic, event.type, event.data] for topic, event in events]
        return json.dumps({"from": self._own, "number": number, "events": rows}, separators=(",", ":"))

    def _listen(self) -> None:
        """Feed the bus for as long as the process lives."""
        was_cut = False
        while not self._stopped.is_set():
            try:
                if self._link is not None:
                    self._hear(self._link)
            except Exception as error:  # whatever comes: connect again, or browsers would wait for ever
                if not was_cut:
                    log.warning("live_events_cut", error=f"{type(error).__name__}: {error}")
                was_cut = True
            else:
                was_cut = False
            self._bus.sync()
            self._stopped.wait(random.uniform(0.7, 1.0))  # noqa: S311 - spreads processes out

    def _hear(self, link: RedisLink) -> None:
        client = link.client(ANSWER_SECONDS, 1)
        with client, client.pubsub() as subscription:  # type: ignore[no-untyped-call]
            subscription.subscribe(self._channel)
            heard = time.monotonic()
            sync_at = heard + SYNC_SECONDS
            while not self._stopped.is_set():
                message = subscription.get_message(timeout=ANSWER_SECONDS)
                now = time.monotonic()
                if message is not None:
                    heard = now
                    self._take(message)
                elif now - heard > SILENCE_SECONDS:
                    raise TimeoutError("Redis fell silent")
                else:
                    subscription.ping()
                if now > sync_at:
                    self._bus.sync(forget_before=now - LONGEST_TURN_SECONDS)
                    sync_at = now + SYNC_SECONDS * random.uniform(0.7, 1.0)  # noqa: S311 - spreads processes out

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":  # also after the client connected anew by itself
            self._bus.sync()
        elif message["type"] == "message":
            self._receive(message["data"])

    def _receive(self, data: bytes) -> None:
        """Hand a payload to the bus; what is no payload of ours is passed over."""
        try:
            payload = json.loads(data)
            sender, number, rows = payload["from"], payload["number"], payload["events"]
            known = isinstance(sender, str) and type(number) is int and isinstance(rows, list)
        except (ValueError, TypeError, KeyError, RecursionError):
            known = False
        if not known:
            log.warning("no_live_event", bytes=len(data))
            return
        if sender == self._own:
            return
        if not self._numbers.follows(sender, number):
            self._bus.sync()
        for row in rows:
            if (found := read_event(row)) is not None:
                self._bus.receive(*found)


class Numbers:
    """The last number of each publisher."""

    def __init__(self) -> None:
        self._last: OrderedDict[str, int] = OrderedDict()

    def follows(self, sender: str, number: int) -> bool:
        """Whether nothing was missed between the publisher's last payload and this one."""
        expected = self._last.get(sender, 0) + 1
        self._last[sender] = number
        self._last.move_to_end(sender)
        if len(self._last) > PUBLISHERS:
            self._last.popitem(last=False)
        return number == expected


def read_event(row: object) -> tuple[Topic, LiveEvent] | None:
    """An event as `Relay` writes it; None for anything else."""
    if not isinstance(row, list) or len(row) != 4:
        return None
    line_id, address, kind, data = row
    if type(line_id) is not int or not isinstance(address, str) or not isinstance(data, dict):
        return None
    required: dict[str, type] = {"turn": int}
    if kind == "message":
        required = {"id": int}
    elif kind == "delta":
        required = {"turn": int, "offset": int, "text": str}
    elif kind == "sync":
        required = {}
    elif kind not in ("typing", "reset"):
        return None
    if any(type(data.get(name)) is not wanted for name, wanted in required.items()):
        return None
    return (line_id, address), LiveEvent(kind, data)
