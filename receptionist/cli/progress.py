"""Progress of what takes long: how far, how quick, how long yet."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

TERMINAL_SECONDS = 1.0
FILE_SECONDS = 10.0
"""How often it is said where nobody watches."""


@contextmanager
def interrupt_noted() -> Iterator[threading.Event]:
    """Ctrl-C sets the event, for work that stops where it does no harm; a second one interrupts at once."""
    noted = threading.Event()

    def note(*_: object) -> None:
        noted.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def progress_shown(what: str) -> Iterator[Callable[[int, int | None], None]]:
    """Gives a function to call with what is done and what is to be done (None: nobody knows), which shows it on
    standard error: on one line of a terminal, else on a new line now and then."""
    shown = begun = time.monotonic()
    first: int | None = None
    terminal = sys.stderr.isatty()

    def show(done: int, total: int | None) -> None:
        nonlocal shown, first
        now = time.monotonic()
        if first is None:
            first = done
        if now - shown < (TERMINAL_SECONDS if terminal else FILE_SECONDS):
            return
        shown = now
        text = _text(what, done, total, (done - first) / (now - begun))
        click.echo(f"\r{text:<70}" if terminal else text, nl=not terminal, err=True)

    yield show
    if terminal and shown > begun:
        click.echo(err=True)


def _text(what: str, done: int, total: int | None, rate: float) -> str:
    speed = f"{done:,} {what}, {rate:,.0f} a second"
    if total is None:
        return speed
    left = f"{(total - done) / rate:,.0f} s left" if rate else "just begun"
    return f"{100 * done / max(total, 1):3.0f} %  {speed}, {left}"
