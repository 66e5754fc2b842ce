"""Counts the agents of this process, so that one that is never disposed of is noticed."""

from __future__ import annotations

import threading

from receptionist.contracts.host import Agents


class AgentCount:
    """Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._created = 0
        self._disposed = 0

    def created(self) -> None:
        """One more was made."""
        with self._lock:
            self._created += 1

    def disposed(self) -> None:
        """One of them let go of its turn."""
        with self._lock:
            self._disposed += 1

    def now(self) -> Agents:
        """How it stands."""
        with self._lock:
            return Agents(self._created, self._created - self._disposed, self._disposed)
