"""Whether no other process answers on the same SQLite file, so that what a dead one held can be taken over at once.

Who answers holds a lock on a file beside the database for as long as it lives; the system takes it from whoever dies,
and from nobody who only sleeps. Where there is no such lock (a server's database, a disk without locks) leases run out
by themselves.
"""

from __future__ import annotations

import fcntl
import os
import time

import sqlalchemy as sa
import structlog

from receptionist.db import Database, db_now
from receptionist.errors import Unavailable
from receptionist.models import Conversation

SUFFIX = ".lock"
"""What the lock's file is named, behind the database's name."""
ENTER_SECONDS = 5.0
"""How long others are waited for who look just now whether they are alone."""
RUN_OUT = (
    sa.update(Conversation)
    .where(Conversation.due_at.is_not(None), Conversation.lease_owner.is_not(None))  # due_at is for the index
    .values(lease_until=db_now(-1))
)

log = structlog.get_logger()


class Presence:
    """That this process answers on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._file: int | None = None

    def enter(self) -> None:
        """Be there, before anything is begun. Leases that are held run out now if nobody else is there."""
        if not self._database.is_sqlite:
            return
        try:
            self._file = os.open(f"{self._database.engine.url.database}{SUFFIX}", os.O_RDWR | os.O_CREAT, 0o600)
            if self._lock(fcntl.LOCK_EX):
                self._take_over()
            until = time.monotonic() + ENTER_SECONDS
            while not self._lock(fcntl.LOCK_SH) and time.monotonic() < until:
                time.sleep(0.02)
        except OSError as error:
            log.warning("lock_not_possible", reason=str(error))
            self.leave()

    def leave(self) -> None:
        """Be gone."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _lock(self, kind: int) -> bool:
        """Have the lock, in place of what was had of it, unless others are in the way."""
        assert self._file is not None
        try:
            fcntl.flock(self._file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _take_over(self) -> None:
        try:
            with self._database.begin() as connection:
                held = connection.execute(RUN_OUT).rowcount
        except Unavailable:  # then they run out by themselves
            return
        if held:
            log.info("leases_of_the_dead_ended", conversations=held)
