"""A real installation for the browser tests."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from receptionist.core import assemble
from receptionist.db import Scope
from receptionist.services import accounts, lines
from tests.harness import instance
from tests.harness.installation import Installation
from tests.servers.brain import Brain, Question
from tests.servers.vendor_server import VendorServer

from .fake_host import pieces
from .site import ChatServer


class RealServer:
    """An installation whose model says what the test wants."""

    key = instance.KEYS.webchat
    title = instance.ACCOUNT
    greeting = "Hello! How can I help you?"  # the strategy's

    def __init__(self, installation: Installation, brain: Brain) -> None:
        self.base_url = installation.url
        self._installation = installation
        self._brain = brain
        self._go = threading.Event()

    def reply(self, text: str, *, pace: float = 0.01, hold: int | None = None) -> None:
        self._go.set()
        go = self._go = threading.Event()

        def say(question: Question) -> Iterator[str]:
            for number, piece in enumerate(pieces(text.replace("{text}", question.asked[-1]))):
                if number == hold:
                    go.wait(40)
                time.sleep(pace)
                yield piece

        self._brain.reply = say

    def go(self) -> None:
        self._go.set()

    def received(self) -> list[list[str]]:
        rows = self._installation.sql(
            "SELECT conversation_id, text FROM messages WHERE direction = 'in' ORDER BY conversation_id, seq"
        )
        found: dict[int, list[str]] = {}
        for conversation, text in rows:
            found.setdefault(conversation, []).append(text)
        return list(found.values())


@contextmanager
def real_server(sites: str) -> Iterator[ChatServer]:
    """Run a real installation whose chat line allows the origins in `sites`."""
    with tempfile.TemporaryDirectory() as folder, VendorServer() as vendor, Brain() as brain:
        template = instance.prepare(Path(folder) / "template", vendor.url)
        settings = {"REMOTE_BRAIN": brain.url, "REMOTE_VENDOR": vendor.url}
        path = instance.copy(template, Path(folder) / "instance", settings)
        _allow(path, sites.split())
        installation = Installation(path)
        installation.start()
        try:
            yield RealServer(installation, brain)
        finally:
            installation.kill()


def _allow(path: Path, sites: list[str]) -> None:
    parts, _factory = assemble(path)
    with parts.database.begin() as connection:
        scope = Scope(connection, accounts.require(connection, instance.ACCOUNT))
        accounts.add_credits(scope, 100_000, "for the tests")
        lines.change(scope, parts.vault, parts.channels["webchat"], 1, {"allowed_origins": sites})
    parts.database.dispose()
