"""Starts and stops everything that answers in this process: worker threads, lease keeper, sweeper."""

from __future__ import annotations

import os
import secrets
import time
from typing import TYPE_CHECKING

import dramatiq
import structlog
from dramatiq import Worker

from receptionist.agents.factory import AgentFactory
from receptionist.parts import Parts
from receptionist.pipeline.alone import Presence
from receptionist.pipeline.asker import Asker
from receptionist.pipeline.bell import Bell
from receptionist.pipeline.broker import in_process_broker
from receptionist.pipeline.crew import Crew
from receptionist.pipeline.drain import Drain
from receptionist.pipeline.eraser import Eraser
from receptionist.pipeline.lease import LeaseKeeper
from receptionist.pipeline.retention import Retention
from receptionist.pipeline.summariser import Summariser
from receptionist.pipeline.sweeper import Sweeper
from receptionist.pipeline.turn import Turns
from receptionist.pipeline.usage import UsageBook

if TYPE_CHECKING:
    from receptionist.pipeline.door import Door

GRACE_SECONDS = 12.0
"""After SIGTERM running answers have this long to end; then they are handed back. Below 20 s in all."""

log = structlog.get_logger()


class Runner:
    """The answering half of a process. With a `door` it hears rings of other processes, and its own go there."""

    def __init__(self, parts: Parts, factory: AgentFactory, door: Door | None = None) -> None:
        owner = f"{os.getpid()}-{secrets.token_hex(6)}"
        settings = parts.settings
        self.usage = UsageBook(parts.database)
        self.keeper = LeaseKeeper(parts.database, owner, settings.lease_seconds)
        self.summariser = Summariser(parts, factory, self.usage)
        self.drain = Drain(parts, self.keeper, Turns(parts, factory, self.usage), self.summariser, owner)
        self.broker: dramatiq.Broker = in_process_broker()
        self._crew = Crew(self.broker, self.drain, settings.worker_threads)
        self._worker = Worker(self.broker, worker_threads=settings.worker_threads, worker_timeout=1000)
        self._door = door
        self._presence = Presence(parts.database)
        hurry = parts.redis.rings_may_be_lost if parts.redis else _never
        self._sweeper = Sweeper(parts.database, self._crew.hand, settings.sweep_seconds, hurry)
        self._asker = Asker(parts)
        self._eraser = Eraser(parts)
        self._retention = Retention(parts.database, settings.trace_days)
        parts.ring = Bell(door.ring if door else self._crew.hand, self.keeper)
        parts.rush.say = self.drain.pace.slow_down

    def start(self) -> None:
        """Begin to answer."""
        self._presence.enter()
        self.keeper.start()
        self.usage.start()
        self._worker.start()
        self._sweeper.start()
        self._asker.start()
        self._eraser.start()
        self._retention.start()
        self.summariser.start()
        if self._door is not None:
            self._door.listen(self._heard, self.drain.pace.slow_down)

    def stop(self) -> None:
        """Begin nothing new, let running answers end, hand back what does not end in time. Within 20 s."""
        begun = time.monotonic()
        self._asker.stop()
        self._eraser.stop()
        self._retention.stop()
        self.summariser.stop()
        self.drain.stopping.set()
        self.drain.pace.end()
        unbegun = self._crew.close()
        if self._door is not None:
            self._door.stop_listening()
        self._pass_on(unbegun)
        self._wait_for_leases(begun + GRACE_SECONDS)
        unfinished = [lease.conversation_id for lease in self.keeper.held()]
        self.drain.cut_off.set()
        self._wait_for_leases(begun + GRACE_SECONDS + 4.0)
        self._pass_on(unfinished)
        self._worker.stop(timeout=1000)
        self._sweeper.stop()
        self.usage.stop()
        self.keeper.stop()
        self.broker.close()
        hanging = len(self.keeper.held())
        if not hanging:  # else a thread may go on with its lease until the process ends
            self._presence.leave()
        log.info("stopped", unfinished=hanging)

    def _heard(self, conversation_id: int) -> None:
        """A ring came in: its holder here is told at once, else whoever is free first answers."""
        self.keeper.rang(conversation_id)
        if not self._crew.hand_when_free(conversation_id):
            self._pass_on([conversation_id])

    def _pass_on(self, conversation_ids: list[int]) -> None:
        """Let other processes take these up at once; without a door their sweepers will."""
        if self._door is not None:
            for conversation_id in conversation_ids:
                self._door.ring(conversation_id)

    def _wait_for_leases(self, until: float) -> None:
        while self.keeper.held() and time.monotonic() < until:
            time.sleep(0.02)


def _never() -> bool:
    return False
