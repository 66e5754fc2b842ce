"""The threads of this process that answer, and the conversations they were handed."""

from __future__ import annotations

import threading
from collections.abc import Callable

import dramatiq

from receptionist.pipeline.broker import drain_actor


class Crew:
    """Hands conversations to `threads` worker threads over an in-process broker; each waits there once at most."""

    def __init__(self, broker: dramatiq.Broker, drain: Callable[[int], None], threads: int) -> None:
        self._drain = drain
        self._threads = threads
        self._changed = threading.Condition()
        self._waiting: set[int] = set()
        self._busy = 0
        self._closed = False
        self._actor = drain_actor(broker, self._work_off)

    def hand(self, conversation_id: int) -> None:
        """Have the conversation worked off; nothing new where it waits already."""
        with self._changed:
            if conversation_id in self._waiting:
                return
            self._waiting.add(conversation_id)
        try:
            self._actor.send(conversation_id)
        except BaseException:
            self._take(conversation_id)
            raise

    def hand_when_free(self, conversation_id: int) -> bool:
        """Wait for a thread that has nothing to do, then hand it the conversation; False if the crew goes home."""
        with self._changed:
            while not self._closed and len(self._waiting) + self._busy >= self._threads:
                self._changed.wait()
            if self._closed:
                return False
        self.hand(conversation_id)
        return True

    def close(self) -> list[int]:
        """Let nobody wait for a free thread any more; the conversations that nobody began with."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            return list(self._waiting)

    def _work_off(self, conversation_id: int) -> None:
        self._take(conversation_id)
        with self._changed:
            self._busy += 1
        try:
            self._drain(conversation_id)
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify()

    def _take(self, conversation_id: int) -> None:
        with self._changed:
            self._waiting.discard(conversation_id)
            self._changed.notify()
