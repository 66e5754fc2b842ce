"""Whether no other process answers on the same SQLite file, so that what a dead one held can be taken over at once.

Who answers holds a lock on a file beside the database for as long as it lives; the system takes it from whoever dies,
and from nobody who only sleeps. Where there is no such lock (a server's database, a disk without locks) leases run out
by themselves.
"""

from __future__ import annotations

import fcntl
import os

import sqlalchemy as sa
import structlog

from receptionist.db import Database, db_now
from receptionist.errors import Unavailable
from receptionist.models import Conversation

SUFFIX = ".lock"
"""What the lock's file is named, behind the database's name."""
RUN_OUT = (
    sa.update(Conversation)
    .where(Conversation.due_at.is_not(None), Conversation.lease_owner.is_not(None))  # due_at is for the index
    .where(Conversation.attempts == 0)
    .values(lease_until=db_now(-1))
)
"""Not those over which one died before: a program that dies and is started again every second, whatever the reason,
would use up a message's attempts in as many seconds."""

log = structlog.get_logger()


class Presence:
    """That this process answers on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._file: int | None = None

    def enter(self) -> None:
        """Be there, before anything is begun. Leases that are held run out now if nobody else is there, but for those
        of conversations over which one died before.

        Waits for who looks just now whether it is alone: who began meanwhile, or without the lock, would be taken for
        dead."""
        if not self._database.is_sqlite:
            return
        try:
            path = f"{os.path.realpath(str(self._database.engine.url.database))}{SUFFIX}"  # one for all its names
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            if _is_alone(self._file):
                self._take_over()
            fcntl.flock(self._file, fcntl.LOCK_SH)
        except OSError as error:
            log.warning("lock_not_possible", reason=str(error))
            self.leave()

    def leave(self) -> None:
        """Be gone; only for who holds no lease any more. Of others the system knows when they end."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _take_over(self) -> None:
        try:
            with self._database.begin() as connection:
                held = connection.execute(RUN_OUT).rowcount
        except Unavailable:  # then they run out by themselves
            return
        if held:
            log.info("leases_of_the_dead_ended", conversations=held)


def _is_alone(file: int) -> bool:
    """Whether nobody else has the lock; if so, nobody gets it now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
