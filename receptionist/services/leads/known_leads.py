"""Leads remembered per process: a turn about a lead that did not change costs no query for it."""

from __future__ import annotations

import threading
from typing import Any

from cachetools import LRUCache

from receptionist.db import Scope
from receptionist.services.leads import leads


class KnownLeads:
    """Plain values of up to `size` leads by id and version; safe to share between threads."""

    def __init__(self, size: int) -> None:
        self._lock = threading.Lock()
        self._leads: LRUCache[int, tuple[int, dict[str, Any]]] = LRUCache(size)

    def get(self, scope: Scope, lead_id: int, version: int) -> dict[str, Any]:
        """The lead's plain values at this version, as a copy of the caller's own. Raises `NotFound`."""
        with self._lock:
            known = self._leads.get(lead_id)
        if known is None or known[0] != version:
            known = leads.with_version(scope, lead_id)
            with self._lock:
                self._leads[lead_id] = known
        return dict(known[1])
