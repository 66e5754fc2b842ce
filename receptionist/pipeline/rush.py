"""Taking in comes first: while messages wait for it, answering makes way.

A vendor gives up on a webhook within seconds, and a customer who sees no tick writes again; an answer may wait.
"""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

INTERVAL_SECONDS = 0.25
LONGEST_SECONDS = 0.2
FEWEST = 5
"""There is a rush where most of an interval's messages, and of so many at least, took longer to be taken in."""

SLOWER, FASTER = 0.5, 1.1
"""What an interval of a rush, or one without, does to the pace: down at once, up by and by, as networks do it
(RFC 5681, section 3.1)."""
LEAST, MOST = 4.0, 1000.0
"""Conversations of an account begun with per second, however great the rush; and from how many on none is held back."""

log = structlog.get_logger()


class Rush:
    """Notices that messages wait to be taken in, and says so at most once in an interval."""

    def __init__(self) -> None:
        self.say: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._quick, self._slow, self._ends = 0, 0, 0.0

    @contextmanager
    def taking(self) -> Iterator[None]:
        """Messages are taken in within."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self._took(begun, time.monotonic())

    def _took(self, begun: float, now: float) -> None:
        with self._lock:
            if now - begun > LONGEST_SECONDS:
                self._slow += 1
            else:
                self._quick += 1
            if now < self._ends or self._slow + self._quick < FEWEST:
                return
            rush = self._slow > self._quick
            self._quick, self._slow, self._ends = 0, 0, now + INTERVAL_SECONDS
        if rush:
            self.say()


class _Gate:
    """Where the conversations of one account wait, one behind the other."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.last = 0.0


class Pace:
    """How many conversations of one account a process begins with per second: as many as come, but for a rush.

    For each account by itself, so that those who are not written to by thousands are answered as quickly as ever."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._gates: defaultdict[int, _Gate] = defaultdict(_Gate)
        self._begun: deque[float] = deque(maxlen=50)
        self._rate, self._changed = math.inf, 0.0
        self._ended = threading.Event()

    def begin(self, account_id: int) -> None:
        """Return when the account's next conversation may be begun with."""
        if self._now() < MOST:
            with self._lock:
                gate = self._gates[account_id]
            with gate.lock:
                self._ended.wait(max(0.0, gate.last + 1 / self._now() - time.monotonic()))
                gate.last = time.monotonic()
        elif self._gates:
            with self._lock:
                self._gates.clear()
        self._begun.append(time.monotonic())

    def slow_down(self) -> None:
        """There is a rush: begin with fewer than just now."""
        with self._lock:
            now = time.monotonic()
            if now - self._changed < INTERVAL_SECONDS:
                return
            before = self._now()
            self._rate, self._changed = max(LEAST, min(before, self._usual(now)) * SLOWER), now
        if before >= MOST:
            log.warning("answers_make_way", because="messages wait to be taken in", begun_per_second=round(self._rate))

    def end(self) -> None:
        """Hold nobody back any more."""
        self._ended.set()

    def _now(self) -> float:
        intervals = min((time.monotonic() - self._changed) / INTERVAL_SECONDS, 100.0)
        growth: float = FASTER**intervals
        return self._rate * growth

    def _usual(self, now: float) -> float:
        recent = [at for at in list(self._begun) if at > now - 1.0]
        return max(LEAST, len(recent) / (now - recent[0])) if len(recent) > 1 else MOST
