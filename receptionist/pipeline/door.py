"""The doorbell between the processes of an installation: rings go out over Redis, and come in where there is a crew."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from dramatiq import Worker

from receptionist.live.link import RedisLink
from receptionist.pipeline.bell import Courier
from receptionist.pipeline.broker import drain_actor, redis_broker, ring

LISTENERS = 4
"""Threads that take rings from Redis. Each waits until somebody in this process is free to answer, so what one
process holds back from the others is twice as many rings, the library's prefetch."""

LOOK_MILLISECONDS = 100
"""How often an idle listener looks; half of it is the usual delay of a ring."""

STOP_SECONDS = 3.0

RUSH_SECONDS = 0.4
"""How long a rush is known after it was last said; twice as long as who answers looks for it."""


class Door:
    """One per process that has a Redis. `heard`, once set, is called with each ring that this process takes."""

    def __init__(self, link: RedisLink) -> None:
        self._broker = redis_broker(link)
        self.ring = Courier(lambda conversation_id: ring(self._broker, conversation_id))
        self._crier = Courier(lambda _: self._cry())  # so that a rush is not said behind all the rings it brings
        self._worker: Worker | None = None
        self._rush = f"{link.name}:rush"
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin to carry rings out."""
        self.ring.start()
        self._crier.start()

    def say_rush(self) -> None:
        """Let those who answer know that messages wait to be taken in."""
        self._crier(0)

    def listen(self, heard: Callable[[int], None], rush: Callable[[], None]) -> None:
        """Call `heard`, which may wait, with the conversation of each ring that this process takes; and `rush` again
        and again while messages wait to be taken in."""
        threading.Thread(target=self._look_for_rush, args=(rush,), name="rush", daemon=True).start()
        drain_actor(self._broker, heard)
        self._worker = Worker(self._broker, worker_threads=LISTENERS, worker_timeout=LOOK_MILLISECONDS)
        self._worker.start()

    def stop_listening(self) -> None:
        """Take no more rings; those not heard yet go back, if Redis takes them within seconds."""
        self._stopped.set()
        if self._worker is not None:
            stopping = threading.Thread(target=self._worker.stop, args=(1000,), name="door-stop", daemon=True)
            stopping.start()
            stopping.join(STOP_SECONDS)

    def stop(self) -> None:
        """Carry out what is left, for a moment, and end."""
        self._crier.stop()
        self.ring.stop()
        self._broker.close()

    def _cry(self) -> None:
        self._broker.client.set(self._rush, "1", px=int(RUSH_SECONDS * 1000))

    def _look_for_rush(self, rush: Callable[[], None]) -> None:
        while not self._stopped.wait(RUSH_SECONDS / 2):
            said = 0
            with suppress(Exception):  # whatever Redis and its client do: without Redis nothing is held back
                said = self._broker.client.exists(self._rush)
            if said:
                rush()
