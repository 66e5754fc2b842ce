"""Step 4: say that a conversation has work. May be lost: the sweeper is the guarantee, the ring makes it quick."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

import structlog

from receptionist.pipeline.lease import LeaseKeeper

MOST_RINGS = 10_000
"""Rings that may wait for Redis; more are dropped."""

PAUSE_SECONDS = 1.0
"""After a failure Redis is left alone for so long; rings are dropped meanwhile."""

log = structlog.get_logger()


class Bell:
    """Rings for a conversation; never raises, never waits long."""

    def __init__(self, pass_on: Callable[[int], None], keeper: LeaseKeeper | None = None) -> None:
        self._pass_on = pass_on
        self._keeper = keeper

    def __call__(self, conversation_id: int) -> None:
        """Ring. A holder of the conversation in this process hears it at once and begins its answer anew."""
        if self._keeper is not None:
            self._keeper.rang(conversation_id)
        try:
            self._pass_on(conversation_id)
        except Exception:  # whatever the broker does, the message is committed and the sweeper will ring
            log.warning("bell_not_heard", conversation=conversation_id, exc_info=True)


class Courier:
    """Carries rings to other processes in a thread of its own, so that nobody waits for Redis.

    While `send` fails, rings are dropped; that is said once at the beginning and once at the end.
    """

    def __init__(self, send: Callable[[int], None]) -> None:
        self._send = send
        self._rings: queue.Queue[int | None] = queue.Queue(MOST_RINGS)
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def __call__(self, conversation_id: int) -> None:
        """Ring soon. Never raises, never waits."""
        try:
            self._rings.put_nowait(conversation_id)
        except queue.Full:
            self._dropped += 1

    def start(self) -> None:
        """Begin to carry."""
        self._thread.start()

    def stop(self) -> None:
        """Carry what is left, for a second at most, and end."""
        try:
            self._rings.put(None, timeout=PAUSE_SECONDS)
        except queue.Full:
            return  # the thread ends with the process
        self._thread.join(2 * PAUSE_SECONDS)

    def _run(self) -> None:
        again_at, failing = 0.0, False
        while (conversation_id := self._rings.get()) is not None:
            if time.monotonic() < again_at:
                self._dropped += 1
                continue
            try:
                self._send(conversation_id)
            except Exception as error:  # whatever Redis and its client do: rings may be lost, this thread may not
                if not failing:
                    log.warning("rings_dropped", error=f"{type(error).__name__}: {error}")
                failing = True
                self._dropped += 1
                again_at = time.monotonic() + PAUSE_SECONDS
            else:
                if failing:
                    log.warning("rings_carried_again", dropped=self._dropped)
                    self._dropped = 0
                failing = False
