"""Taking in comes first: while messages wait for it, answering makes way.

A vendor gives up on a webhook within seconds, and a customer who sees no tick writes again; an answer may wait.
"""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import structlog

from receptionist.errors import Unavailable
from receptionist.turnstile import InOrder

INTERVAL_SECONDS = 0.25
LONGEST_SECONDS = 0.5
FEWEST = 3
"""There is a rush where most of an interval's messages, and of so many at least, took longer to be stored than this
and twice the quickest one lately: what a distant database takes is no rush."""
LATELY_SECONDS = 60.0

SLOWER, FASTER = 0.5, 1.15
"""What an interval of a rush, or one without, does to the pace: down at once, up by and by, as networks do it
(RFC 5681, section 3.1)."""
LEAST, MOST = 6.0, 1000.0
"""Conversations of an account begun with per second, however great the rush; and from how many on none is held back."""
AT_ONCE = 10
"""So many an account may begin with at once even then, if it did not just before."""
LONGEST_WAIT_SECONDS = 30.0

log = structlog.get_logger()


class Rush:
    """Notices that messages wait to be stored, and says so at most once in an interval."""

    def __init__(self) -> None:
        self.say: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._took: list[float] = []
        self._ends = 0.0
        self._quickest, self._before, self._turns = math.inf, math.inf, 0.0

    @contextmanager
    def storing(self) -> Iterator[None]:
        """Messages are stored within, waiting for the database included."""
        begun = time.monotonic()
        try:
            yield
        finally:
            now = time.monotonic()
            if self._is_rush(now - begun, now):
                self.say()

    def _is_rush(self, seconds: float, now: float) -> bool:
        with self._lock:
            if now > self._turns:  # the quickest of this minute and the last one
                self._quickest, self._before, self._turns = math.inf, self._quickest, now + LATELY_SECONDS
            self._quickest = min(self._quickest, seconds)
            self._took.append(seconds)
            if now < self._ends:
                return False
            took, self._took, self._ends = self._took, [], now + INTERVAL_SECONDS
            longest = LONGEST_SECONDS + 2 * min(self._quickest, self._before)
        slow = sum(each > longest for each in took)
        return slow >= FEWEST and slow > len(took) / 2


class _Gate:
    """Where the conversations of one account wait, in the order in which they came, until the next is `due`."""

    def __init__(self) -> None:
        self.line = InOrder(1, LONGEST_WAIT_SECONDS)
        self.due = 0.0


class Pace:
    """How many conversations of an account a process begins with per second: as many as come, but for a rush.

    Each account has a gate of its own, so that those to whom few write wait for nobody."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._gates: defaultdict[int, _Gate] = defaultdict(_Gate)
        self._begun: deque[float] = deque(maxlen=50)
        self._rate, self._changed = math.inf, 0.0
        self._ended = threading.Event()

    def begin(self, account_id: int) -> None:
        """Return when the account's next conversation may be begun with."""
        if self.per_second() < MOST:
            with self._lock:
                gate = self._gates[account_id]
            with suppress(Unavailable), gate.line:
                now, rate = time.monotonic(), self.per_second()  # as it is now, not as it was when the wait began
                gate.due = max(gate.due, now - AT_ONCE / rate) + 1 / rate
                self._ended.wait(max(0.0, gate.due - now))
        elif self._gates:
            with self._lock:
                self._gates.clear()
        self._begun.append(time.monotonic())

    def unused(self, account_id: int) -> None:
        """There was nothing to do in the conversation that was begun with: the next one need not wait for it."""
        if (gate := self._gates.get(account_id)) is not None:
            gate.due -= 1 / self.per_second()

    def slow_down(self) -> None:
        """There is a rush: begin with fewer than just now."""
        with self._lock:
            now = time.monotonic()
            if now - self._changed < INTERVAL_SECONDS:
                return
            before = self.per_second()
            self._rate, self._changed = max(LEAST, min(before, self._usual(now)) * SLOWER), now
        if before >= MOST:
            log.warning("answers_make_way", because="messages wait to be taken in", begun_per_second=round(self._rate))

    def end(self) -> None:
        """Hold nobody back any more."""
        self._ended.set()

    def per_second(self) -> float:
        """How many of an account may be begun with per second just now."""
        intervals = min((time.monotonic() - self._changed) / INTERVAL_SECONDS, 100.0)
        growth: float = FASTER**intervals
        return self._rate * growth

    def _usual(self, now: float) -> float:
        recent = [at for at in list(self._begun) if at > now - 1.0]
        return max(LEAST, len(recent) / (now - recent[0])) if len(recent) > 1 else MOST
