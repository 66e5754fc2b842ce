"""The doorbell between the processes of an installation: rings go out over Redis, and come in where there is a crew."""

from __future__ import annotations

import threading
from collections.abc import Callable

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


class Door:
    """One per process that has a Redis. `heard`, once set, is called with each ring that this process takes."""

    def __init__(self, link: RedisLink) -> None:
        self._broker = redis_broker(link)
        self.ring = Courier(lambda conversation_id: ring(self._broker, conversation_id))
        self._worker: Worker | None = None

    def start(self) -> None:
        """Begin to carry rings out."""
        self.ring.start()

    def listen(self, heard: Callable[[int], None]) -> None:
        """Call `heard`, which may wait, with the conversation of each ring that this process takes."""
        drain_actor(self._broker, heard)
        self._worker = Worker(self._broker, worker_threads=LISTENERS, worker_timeout=LOOK_MILLISECONDS)
        self._worker.start()

    def stop_listening(self) -> None:
        """Take no more rings; those not heard yet go back, if Redis takes them within seconds."""
        if self._worker is not None:
            stopping = threading.Thread(target=self._worker.stop, args=(1000,), name="door-stop", daemon=True)
            stopping.start()
            stopping.join(STOP_SECONDS)

    def stop(self) -> None:
        """Carry out what is left, for a moment, and end."""
        self.ring.stop()
        self._broker.close()
