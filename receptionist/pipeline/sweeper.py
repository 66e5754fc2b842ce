"""Looks again and again for conversations with work that nobody holds, and rings for them."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import sqlalchemy as sa
import structlog

from receptionist.db import Database, db_now
from receptionist.models import Conversation

BATCH = 5000
"""Conversations rung for in one sweep; a ring for one that is being worked on costs one small query."""

log = structlog.get_logger()


def overdue(connection: sa.Connection, limit: int = BATCH) -> list[int]:
    """Conversations whose work is due and that nobody holds, the longest due first."""
    free = sa.or_(Conversation.lease_owner.is_(None), Conversation.lease_until < db_now())
    statement = (
        sa.select(Conversation.id)
        .where(Conversation.due_at <= db_now(), free)
        .order_by(Conversation.due_at)
        .limit(limit)
    )
    return list(connection.execute(statement).scalars())


class Sweeper:
    """One thread per process; two sweepers at once do no harm, for the lease lets one worker through."""

    def __init__(self, database: Database, ring: Callable[[int], None], seconds: float) -> None:
        self._database = database
        self._ring = ring
        self._seconds = seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        """Sweep at once, for what a dead process left, and from then on regularly."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._sweep()
            self._stopped.wait(self._seconds * random.uniform(0.8, 1.0))  # noqa: S311 - spreads processes out

    def _sweep(self) -> None:
        try:
            with self._database.read() as connection:
                found = overdue(connection)
        except Exception:  # whatever the database does: this thread is the guarantee and must go on
            log.exception("sweep_failed")
            return
        if found:
            log.info("swept", conversations=len(found))
        for conversation_id in found:
            self._ring(conversation_id)
