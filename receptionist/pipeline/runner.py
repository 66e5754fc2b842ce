"""Starts and stops everything that answers in this process: worker threads, lease keeper, sweeper."""

from __future__ import annotations

import os
import secrets
import time

import dramatiq
import structlog
from dramatiq import Worker

from receptionist.agents.factory import AgentFactory
from receptionist.parts import Parts
from receptionist.pipeline.bell import Bell
from receptionist.pipeline.broker import drain_actor, in_process_broker
from receptionist.pipeline.drain import Drain
from receptionist.pipeline.lease import LeaseKeeper
from receptionist.pipeline.sweeper import Sweeper
from receptionist.pipeline.turn import Turns

GRACE_SECONDS = 12.0
"""After SIGTERM running answers have this long to end; then they are handed back. Below 20 s in all."""

log = structlog.get_logger()


class Runner:
    """The answering half of a process."""

    def __init__(self, parts: Parts, factory: AgentFactory) -> None:
        owner = f"{os.getpid()}-{secrets.token_hex(6)}"
        settings = parts.settings
        self.keeper = LeaseKeeper(parts.database, owner, settings.lease_seconds)
        self.drain = Drain(parts, self.keeper, Turns(parts, factory), owner)
        self.broker: dramatiq.Broker = in_process_broker()
        self._bell = Bell(drain_actor(self.broker, self.drain), self.keeper)
        self._sweeper = Sweeper(parts.database, self._bell, settings.sweep_seconds)
        self._worker = Worker(self.broker, worker_threads=settings.worker_threads, worker_timeout=1000)
        parts.ring = self._bell

    def start(self) -> None:
        """Begin to answer."""
        self.keeper.start()
        self._worker.start()
        self._sweeper.start()

    def stop(self) -> None:
        """Begin nothing new, let running answers end, hand back what does not end in time. Within 20 s."""
        begun = time.monotonic()
        self.drain.stopping.set()
        self._wait_for_leases(begun + GRACE_SECONDS)
        self.drain.cut_off.set()
        self._wait_for_leases(begun + GRACE_SECONDS + 4.0)
        self._worker.stop(timeout=1000)
        self._sweeper.stop()
        self.keeper.stop()
        self.broker.close()
        log.info("stopped", unfinished=len(self.keeper.held()))

    def _wait_for_leases(self, until: float) -> None:
        while self.keeper.held() and time.monotonic() < until:
            time.sleep(0.02)
