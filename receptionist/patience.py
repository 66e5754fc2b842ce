"""Waiting for a database that comes later than we do, as it may after a machine has started."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import structlog

from receptionist.config import CoreSettings
from receptionist.errors import Unavailable

WAIT_SECONDS = 30.0
"""How long a process that is started waits; whoever looks after it is to learn within a minute that it cannot start."""
LOOK_SECONDS = 1.0
"""Between two looks."""

log = structlog.get_logger()

T = TypeVar("T")


def when_database_is_there(
    make: Callable[[], T],
    settings: CoreSettings,
    pause: Callable[[float], object] = time.sleep,
    *,
    for_ever: bool = False,
) -> T:
    """What `make` returns, tried again each second while a database server is away, for `WAIT_SECONDS` or `for_ever`.

    A database that is a file comes from nowhere by itself, so that nobody waits for one. Raises `Unavailable`."""
    served = settings.database_url and not settings.database_url.startswith("sqlite")
    wait = WAIT_SECONDS if served else 0.0
    until, told = time.monotonic() + wait, False
    while True:
        try:
            return make()
        except Unavailable as error:
            if not for_ever and time.monotonic() >= until:
                raise
            if not told:
                seconds = None if for_ever else wait
                log.warning("waits_for_database", seconds=seconds, reason=str(getattr(error.__cause__, "orig", error)))
                told = True
        pause(LOOK_SECONDS)
