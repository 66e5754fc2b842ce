"""Drop-in that counts, within the product, CPU by step, statements and transactions, and publishes live events.

Product code knows nothing of it: at startup the named places are wrapped. A place that was renamed stops the start:
mend `PLACES` then. Each process writes what it counted to `meter-<pid>.json` in its instance folder, and
looks there for `events.json`, an order to publish live events.
"""

from __future__ import annotations

import functools
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from receptionist import Host, LiveEvent, hookimpl

PLACES = (
    ("line look-up", "receptionist.host", "PluginHost", "line"),
    ("verify", "bench_channel", "BenchChannel", "verify"),
    ("parse", "bench_channel", "BenchChannel", "parse"),
    ("take in", "receptionist.pipeline.intake", "Intake", "take_in"),
    ("ring", "receptionist.pipeline.bell", "Bell", "__call__"),
    ("lease and load", "receptionist.pipeline.drain", "Drain", "_take"),
    ("create agent", "receptionist.agents.factory", "AgentFactory", "create_agent"),
    ("answer (model call)", "receptionist.agents.agent", "Agent", "answer"),
    ("turn, without agent and record", "receptionist.pipeline.turn", "Turns", "run"),
    ("record", "receptionist.pipeline.turn", "", "record"),
    ("send (channel)", "bench_channel", "BenchChannel", "send"),
    ("deliver, without send", "receptionist.pipeline.outbox", "Outbox", "deliver"),
    ("drain, without the above", "receptionist.pipeline.drain", "Drain", "_hold"),
)
"""(step, module, class, function). A step's CPU is that of its function without the steps inside it."""

ORDER = "events.json"
BACKGROUND = ("asker", "eraser", "lease-keeper", "retention", "sweeper", "usage")
_local = threading.local()
_lock = threading.Lock()
_cpu: Counter[str] = Counter()
_calls: Counter[str] = Counter()
_statements: Counter[str] = Counter()
_transactions: Counter[str] = Counter()


@hookimpl
def startup(host: Host) -> None:
    """Wrap the places, and count statements."""
    parts: Any = host._parts  # type: ignore[attr-defined]
    for step, module, holder, name in PLACES:
        place = _channel(parts) if module == "bench_channel" else import_module(module)
        place = getattr(place, holder) if holder and module != "bench_channel" else place
        setattr(place, name, _timed(step, getattr(place, name)))
    engine = parts.database.engine
    sa.event.listen(engine, "before_cursor_execute", _count_statement)
    for name, kind in (("begin", "writing"), ("read", "reading")):
        setattr(type(parts.database), name, _counted(kind, getattr(type(parts.database), name)))
    threading.Thread(target=_write, args=(parts.bus, parts.instance_path), name="meter", daemon=True).start()


def _channel(parts: Any) -> Any:
    return type(parts.channels["bench"])


def _timed(step: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def timed(*args: Any, **kwargs: Any) -> Any:
        inside = getattr(_local, "inside", 0.0)
        _local.inside = 0.0
        begun = time.thread_time()
        try:
            return function(*args, **kwargs)
        finally:
            took = time.thread_time() - begun
            with _lock:
                _cpu[step] += took - _local.inside
                _calls[step] += 1
            _local.inside = inside + took

    return timed


def _count_statement(_c: Any, _u: Any, statement: str, _p: Any, _x: Any, _m: Any) -> None:
    if not statement.startswith("BEGIN") and threading.current_thread().name not in BACKGROUND:
        with _lock:
            _statements[" ".join(statement.split())[:70]] += 1


def _counted(kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def counted(*args: Any, **kwargs: Any) -> Any:
        if threading.current_thread().name not in BACKGROUND:
            with _lock:
                _transactions[kind] += 1
        return function(*args, **kwargs)

    return counted


def _write(bus: Any, folder: Path) -> None:
    """Every quarter of a second write what was counted, and look for an order to publish events."""
    file = folder / f"meter-{os.getpid()}.json"
    while True:
        with _lock:
            found = {"cpu": _cpu, "calls": _calls, "statements": _statements, "transactions": _transactions}
            text = json.dumps(found)
        temporary = file.with_suffix(".new")
        temporary.write_text(text)
        temporary.replace(file)
        _obey(bus, folder / ORDER)
        time.sleep(0.25)


def _obey(bus: Any, order: Path) -> None:
    """Publish a live event to each topic in turn, so many a second, for so many seconds, if that is asked for."""
    if not order.exists():
        return
    wanted = json.loads(order.read_text())
    order.unlink()
    topics = [(wanted["line"], address) for address in wanted["addresses"]]
    threading.Thread(
        target=_publish, args=(bus, topics, wanted["rate"], wanted["seconds"]), name="events", daemon=True
    ).start()


def _publish(bus: Any, topics: list[tuple[int, str]], rate: float, seconds: float) -> None:
    """Each event carries the moment it was published, in microseconds of the monotonic clock."""
    begun = time.monotonic()
    for number in range(int(rate * seconds)):
        pause = begun + number / rate - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        bus.publish(topics[number % len(topics)], LiveEvent("typing", {"turn": int(time.monotonic() * 1e6)}))
