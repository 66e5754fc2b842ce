"""Leads remembered per process: a turn about a lead that did not change costs no query for it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

from receptionist.db import Scope
from receptionist.services import leads

REMEMBERED = 5000


class KnownLeads:
    """Plain values of leads by id and version; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._leads: OrderedDict[int, tuple[int, dict[str, Any]]] = OrderedDict()

    def get(self, scope: Scope, lead_id: int, version: int) -> dict[str, Any]:
        """The lead's plain values at this version, as a copy of the caller's own. Raises `NotFound`."""
        with self._lock:
            known = self._leads.get(lead_id)
        if known is None or known[0] != version:
            known = leads.with_version(scope, lead_id)
            with self._lock:
                self._leads[lead_id] = known
                while len(self._leads) > REMEMBERED:
                    self._leads.popitem(last=False)
        return dict(known[1])
