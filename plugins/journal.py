"""Writes one log line for each event, with ids and no personal data, and watches the disk."""

from __future__ import annotations

import os
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import structlog

from receptionist import Event, GoalChanged, Host, LeadChanged, ToolCalled, __version__, hookimpl

ENOUGH_BYTES = 200_000_000
WORDS: dict[type[Event], tuple[str, ...]] = {
    LeadChanged: ("fields",),
    ToolCalled: ("name", "state"),
    GoalChanged: ("goal_id", "state"),
}
"""Texts of events that are never a customer's."""

log = structlog.get_logger("journal")
_counts: Counter[str] = Counter()
_lock = threading.Lock()


@hookimpl
def startup(host: Host) -> None:
    """Note that the process works, and count from nought."""
    with _lock:
        _counts.clear()
    log.info("process_started", version=__version__, pid=os.getpid())


@hookimpl
def shutdown(host: Host) -> None:
    """Note what the process did."""
    with _lock:
        counts = dict(_counts)
    log.info("process_stopped", pid=os.getpid(), **counts)


@hookimpl
def on_event(event: Event, host: Host) -> None:
    """Log numbers, and no text that may be a customer's words."""
    kind = type(event).__name__
    with _lock:
        _counts[kind] += 1
    log.info("event", kind=kind, **_logged(event))


def _logged(event: Event) -> dict[str, Any]:
    values = {field.name: getattr(event, field.name) for field in fields(event)}
    plain = WORDS.get(type(event), ())
    found = {name: value for name, value in values.items() if isinstance(value, int | float) or name in plain}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


@hookimpl
def register_health_checks(host: Host) -> Mapping[str, Callable[[], str | None]]:
    """Free space where the instance lives."""

    def disk() -> str | None:
        free = shutil.disk_usage(host.instance_path).free
        if free >= ENOUGH_BYTES:
            return None
        return f"only {free // 1_000_000} MB are free on the disk of the instance; messages need room: free some"

    return {"disk": disk}
