"""Sessions remembered per process: a turn whose session did not change costs no query for it."""

from __future__ import annotations

import threading

from cachetools import TTLCache

from receptionist.db import Scope
from receptionist.services.conversations import sessions
from receptionist.services.conversations.sessions import SessionState

NONE = SessionState()


class KnownSessions:
    """Sessions by conversation and version; safe to share between threads.

    `size` and `hours` bound what is kept; what is not kept is read again, so that nothing but speed depends on it."""

    def __init__(self, size: int, hours: float) -> None:
        self._lock = threading.Lock()
        self._sessions: TTLCache[int, SessionState] = TTLCache(maxsize=size, ttl=hours * 3600)

    def get(self, scope: Scope, conversation_id: int, version: int | None) -> SessionState:
        """The session at this version; None: the conversation has none."""
        if version is None:
            return NONE
        with self._lock:
            known = self._sessions.get(conversation_id)
        if known is None or known.version != version:
            known = sessions.load(scope, conversation_id)
            with self._lock:
                self._sessions[conversation_id] = known
        return known
