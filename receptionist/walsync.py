"""Makes SQLite commits survive a loss of power, many with one wait for the disk.

Commits run with `synchronous=NORMAL`: they survive any killed process, and hold the write lock for no disk.
Who promised something to the outside (a webhook's 2xx, a send, a tool's effect) then waits here until the
write-ahead log is on the disk; all who wait at the same time share one fsync (sqlite.org/wal.html, "Performance
Considerations").
"""

from __future__ import annotations

import os
import threading
from pathlib import Path


class WalSync:
    """Flushes one database's write-ahead log; used from any thread."""

    def __init__(self, database: Path) -> None:
        real = database.resolve()  # SQLite keeps its log beside the file that a link leads to
        self._log = real.with_name(real.name + "-wal")
        self._one_at_a_time = threading.Lock()
        self._begun = 0
        self._done = 0

    def flush(self) -> None:
        """Return when all that was committed before this call is on the disk. Raises `OSError`."""
        wanted = self._begun + 1  # a flush that begins after now
        with self._one_at_a_time:
            if self._done >= wanted:
                return
            self._begun += 1
            self._fsync()
            self._done = self._begun

    def _fsync(self) -> None:
        try:
            handle = os.open(self._log, os.O_RDONLY)
        except FileNotFoundError:  # the last connection closed, so SQLite moved all into the database and synced it
            return
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
