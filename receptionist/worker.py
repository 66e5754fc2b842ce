"""The answering half as a process of its own: no port, no gunicorn, ended by SIGTERM or Ctrl-C."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

from receptionist.config import Config, CoreSettings
from receptionist.desk import Desk
from receptionist.log import configure
from receptionist.patience import when_database_is_there

LONGEST_STOP_SECONDS = 19.5
"""Then the process ends whatever still hangs in it, be it a thread of a plugin: leases run out by themselves, another
worker goes on."""


def work(instance_path: Path) -> None:
    """Answer until a signal says stop, then end within 20 s. Raises an `AdminError` that names what is wrong."""
    told: queue.SimpleQueue[int] = queue.SimpleQueue()  # the one queue that a signal handler may put into
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: told.put(number))
    settings = Config(instance_path).read(CoreSettings)
    configure(settings.log_level)
    desk = when_database_is_there(lambda: Desk(instance_path, serves=False), settings, lambda wait: _listen(told, wait))
    desk.start()
    print(f"Receptionist answers  (Ctrl-C, or SIGTERM to {os.getpid()}, stops it)", file=sys.stderr, flush=True)  # noqa: T201
    told.get()
    watchdog = threading.Timer(LONGEST_STOP_SECONDS, os._exit, (1,))
    watchdog.daemon = True
    watchdog.start()
    desk.stop()


def _listen(told: queue.SimpleQueue[int], seconds: float) -> None:
    """Let the time pass; ends the process if a signal says stop meanwhile."""
    with suppress(queue.Empty):
        told.get(timeout=seconds)
        sys.exit(0)
