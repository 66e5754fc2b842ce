"""Waiting for something that announces itself nowhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(look: Callable[[], T], timeout: float = 10.0, what: str = "it") -> T:
    """The first true value of `look()`. Raises `TimeoutError` naming the last one."""
    until = time.monotonic() + timeout
    while not (value := look()):
        if time.monotonic() > until:
            raise TimeoutError(f"{what} did not happen within {timeout} s; last seen: {value!r}")
        time.sleep(0.02)
    return value
