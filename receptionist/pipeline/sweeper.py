"""Looks again and again for conversations with work that nobody holds, and hands them on."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import sqlalchemy as sa
import structlog

from receptionist.db import Database, db_now
from receptionist.models import Conversation

BATCH = 5000
"""Conversations handed on in one sweep; one that is being worked on costs one small query."""

HURRY_SECONDS = 1.0
"""How often is looked while rings may be lost."""

log = structlog.get_logger()


LATE = (
    sa.update(Conversation)
    .where(Conversation.person_due_at <= db_now(), Conversation.due_at.is_(None))
    .values(due_at=db_now())
)
"""Persons who were asked for and did not come: the conversation has work then."""


ANY_LATE = (
    sa.select(Conversation.id).where(Conversation.person_due_at <= db_now(), Conversation.due_at.is_(None)).limit(1)
)


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
    """One thread per process; two sweepers at once do no harm, for the lease lets one worker through.

    It hands what it finds to this very process and depends on nothing but the database. `hurry` says that rings
    may be lost just now: then it looks every second.
    """

    def __init__(
        self,
        database: Database,
        hand: Callable[[int], None],
        seconds: float,
        hurry: Callable[[], bool],
    ) -> None:
        self._database = database
        self._hand = hand
        self._seconds = seconds
        self._hurry = hurry
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
            self._pause()

    def _pause(self) -> None:
        until = time.monotonic() + self._seconds * random.uniform(0.8, 1.0)  # noqa: S311 - spreads processes out
        while (left := until - time.monotonic()) > 0:
            if self._stopped.wait(min(left, HURRY_SECONDS)) or self._hurry():
                return

    def _sweep(self) -> None:
        try:
            with self._database.read(once=True) as connection:
                late = connection.execute(ANY_LATE).first() is not None
                found = [] if late else overdue(connection)
            if late:
                with self._database.begin() as connection:
                    connection.execute(LATE)
                    found = overdue(connection)
        except Exception:  # whatever the database does: this thread is the guarantee and must go on
            log.exception("sweep_failed")
            return
        if found:
            log.info("swept", conversations=len(found))
        for conversation_id in found:
            self._hand(conversation_id)
