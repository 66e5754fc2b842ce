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

from receptionist import Event, Host, LeadChanged, __version__, hookimpl

ENOUGH_BYTES = 200_000_000

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
    """Log numbers only: texts of an event may be a customer's words."""
    kind = type(event).__name__
    with _lock:
        _counts[kind] += 1
    log.info("event", kind=kind, **_numbers(event))


def _numbers(event: Event) -> dict[str, Any]:
    values = {field.name: getattr(event, field.name) for field in fields(event)}
    found: dict[str, Any] = {name: value for name, value in values.items() if isinstance(value, int | float)}
    if isinstance(event, LeadChanged):
        found["fields"] = list(event.fields)
    return found


@hookimpl
def register_health_checks(host: Host) -> Mapping[str, Callable[[], str | None]]:
    """Free space where the instance lives."""

    def disk() -> str | None:
        free = shutil.disk_usage(host.instance_path).free
        if free >= ENOUGH_BYTES:
            return None
        return f"only {free // 1_000_000} MB are free on the disk of the instance; messages need room: free some"

    return {"disk": disk}
