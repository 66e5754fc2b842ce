"""How long to wait for the rest of what a customer is writing, before the agent answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

MAX_WAITS = 4
"""The whole wait is at most this many times the channel's burst time, however much is written."""

_ENDINGS = ".?!…。？！؟"
_LONG = 60


def wait_seconds(texts: Sequence[tuple[str, datetime]], burst_seconds: float, now: datetime) -> float:
    """Seconds still to wait after these waiting messages (text, time stored), oldest first.

    A finished sentence is answered at once; a fragment ("hi", a photo without words) waits `burst_seconds` from
    its arrival. Never negative; 0 seconds turn the wait off.
    """
    if not texts or burst_seconds <= 0:
        return 0.0
    text, at = texts[-1]
    if is_finished(text):
        return 0.0
    begun = texts[0][1]
    until_next = burst_seconds - (now - at).total_seconds()
    until_cap = burst_seconds * MAX_WAITS - (now - begun).total_seconds()
    return max(0.0, min(until_next, until_cap, burst_seconds))


def is_finished(text: str) -> bool:
    """Whether the text reads like a whole sentence: it ends like one, or is long."""
    text = text.rstrip(" \t\n\"'”’)»")
    return len(text) >= _LONG or text.endswith(tuple(_ENDINGS))
