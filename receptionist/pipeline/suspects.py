"""Conversations over which workers died: one of them at a time, so that what kills workers takes no other along."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque

from receptionist.parts import Parts
from receptionist.pipeline.lease import Lease
from receptionist.pipeline.queueing import NotYet

MOST = 1000
"""Suspects that are remembered while they wait; others are found by the sweeper."""


class Suspects:
    """One per process."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._at_work: Lease | None = None
        self._waiting: deque[int] = deque(maxlen=MOST)

    def enter(self, lease: Lease) -> None:
        """Be the one that is worked on, until `leave`. Raises `NotYet`, which undoes the take, so that nothing is
        counted where another one kills the process.

        One that hangs, so that its lease ran out, keeps nobody waiting."""
        with self._lock:
            if self._at_work is not None and _lasts(self._at_work):
                self._waiting.append(lease.conversation_id)
                raise NotYet
            self._at_work = lease

    def leave(self, lease: Lease) -> None:
        """It is over; the next one is rung for. Nothing happens if this was none, or another one took its place."""
        with self._lock:
            if self._at_work is not lease:
                return
            self._at_work = None
        with contextlib.suppress(IndexError):
            self._parts.ring(self._waiting.popleft())


def _lasts(lease: Lease) -> bool:
    return not lease.lost.is_set() and time.monotonic() < lease.held_until
