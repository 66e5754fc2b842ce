"""Where known customers write: lead and conversation by address, remembered per process.

Only a short cut: what is remembered is checked again by the statement that uses it (`intake.NEXT_SEQ`), so a merged
lead, an archived conversation or a changed line costs one more look and never a message in the wrong place.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from receptionist.contracts.channel import Line

REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where the messages of one address go, of a sender who `proved` this e-mail and phone, if any."""

    lead_id: int
    conversation_id: int
    proved: tuple[str | None, str | None] = (None, None)


class Places:
    """Remembers places of one revision of a line; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: OrderedDict[tuple[int, int, str], Place] = OrderedDict()

    def get(self, line: Line, address: str) -> Place | None:
        """The place, if it is remembered."""
        with self._lock:
            return self._places.get((line.id, line.revision, address))

    def remember(self, line: Line, address: str, place: Place) -> None:
        """Remember a place; the oldest one is forgotten for it when there are many."""
        with self._lock:
            self._places[(line.id, line.revision, address)] = place
            while len(self._places) > REMEMBERED:
                self._places.popitem(last=False)

    def forget(self, line: Line, address: str) -> None:
        """The place was not right any more."""
        with self._lock:
            self._places.pop((line.id, line.revision, address), None)
