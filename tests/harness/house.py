"""The quick variant: an assembled core within the test; turns run when the test says so."""

from __future__ import annotations

import itertools
import json
import sys
import uuid
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import flask
import sqlalchemy as sa

from receptionist import LiveEvent, Sender, TranscriptMessage, WebhookRequest
from receptionist.app import create_app
from receptionist.core import assemble
from receptionist.db import Scope
from receptionist.pipeline.runner import Runner
from receptionist.services import accounts
from receptionist.services.strategies import strategies
from tests.harness.customers import Texter
from tests.harness.instance import KEYS, STRATEGY_NAME
from tests.servers.vendor_server import VendorServer

_VISITORS = itertools.count(1)


class House:
    """One core on a temporary folder. Nothing runs by itself unless `start` is called.

    Without `bursts` it answers a fragment such as "hi" at once, unless the strategy says how long to wait."""

    def __init__(self, path: Path, vendor: VendorServer, *, bursts: bool = False) -> None:
        self.path = path
        self._vendor = vendor
        self.parts, self.factory = assemble(path)
        if not bursts:
            for channel in self.parts.channels.values():
                channel.capabilities = replace(channel.capabilities, burst_seconds=0.0)
        self.runner = Runner(self.parts, self.factory)
        self.runner._worker.worker_timeout = 50  # milliseconds between looks for the end; a process takes its time
        self._ring = self.parts.ring
        self.rung: list[int] = []
        self.parts.ring = self.rung.append
        self._started = False

    def start(self) -> None:
        """Tell plugins and let worker threads, lease keeper and sweeper run, as in a process."""
        self.parts.plugins.each_or_stop("startup", host=self.parts.host)
        self.parts.ring = self._ring
        self.runner.start()
        self._started = True

    def close(self) -> None:
        """Stop what was started."""
        if self._started:
            self.parts.bus.close()
            self.runner.stop()
            for _ in self.parts.plugins.each("shutdown", host=self.parts.host):
                pass
        else:
            self.runner.broker.close()
        self.parts.database.dispose()

    def plugin(self, name: str) -> ModuleType:
        """The module of a drop-in."""
        return sys.modules[f"receptionist.plugins.{name}"]

    def app(self) -> flask.Flask:
        """A Flask application over the core."""
        app = create_app(self.parts)
        app.testing = True
        return app

    def visitor(self) -> Visitor:
        """Somebody new on the web chat."""
        return Visitor(self, Sender(f"visitor:{next(_VISITORS)}"))

    def texter(self, kind: str = "idempotent") -> Customer:
        """Somebody new on a loopback line."""
        return Customer(self, kind, self._vendor)

    def drain(self) -> None:
        """Work off, in this thread, all conversations that were rung for."""
        while self.rung:
            self.runner.drain(self.rung.pop(0))

    def make_due(self) -> None:
        """Let time pass: whatever waits for later is due, and rung for, now."""
        with self.parts.database.begin() as connection:
            due = sa.text("UPDATE conversations SET due_at = created_at WHERE due_at IS NOT NULL RETURNING id")
            self.rung += [row.id for row in connection.execute(due).all()]

    def publish(self, **fields: Any) -> None:
        """Change fields of the strategy that answers."""
        with self.parts.database.begin() as connection:
            scope = Scope(connection, accounts.require(connection, None))
            old = strategies.published_fields(scope, strategies.find(scope, STRATEGY_NAME).id).model_dump(mode="json")
            strategies.publish(scope, STRATEGY_NAME, strategies.parse(old | fields), self.factory.check)

    def sql(self, statement: str, **values: Any) -> list[Any]:
        """Rows of a query."""
        with self.parts.database.begin() as connection:
            result = connection.execute(sa.text(statement), values)
            return list(result.all()) if result.returns_rows else []


class Visitor:
    """A visitor of the chat line."""

    def __init__(self, house: House, sender: Sender) -> None:
        self.house, self.sender = house, sender
        self.line = house.parts.host.line("webchat", KEYS.webchat)
        self._token = house.parts.host.sign("webchat", {"line": self.line.id, "address": sender.address}, 3600)

    def send(self, text: str, message_id: str = "") -> None:
        """Write; nothing answers before `drain`."""
        body = json.dumps({"id": message_id or str(uuid.uuid4()), "text": text}).encode()
        headers = {"authorization": f"Bearer {self._token}", "origin": self.house.parts.host.public_url}
        self.house.parts.host.receive(self.line, WebhookRequest("POST", "", headers, {}, body, "127.0.0.1"))

    def say(self, text: str) -> str:
        """Write, have the turn run, and read the newest reply."""
        before = len(self.replies())
        self.send(text)
        self.house.drain()
        replies = self.replies()
        assert len(replies) > before, f"there was no reply; the transcript: {self.transcript()}"
        return replies[-1]

    def transcript(self) -> list[TranscriptMessage]:
        """All messages."""
        return self.house.parts.host.transcript(self.line, self.sender)

    def replies(self) -> list[str]:
        """What the receptionist said."""
        return [message.text for message in self.transcript() if message.direction == "out"]

    def watch(self) -> Any:
        """Follow live."""
        return self.house.parts.host.watch(self.line, self.sender)


class Customer:
    """Somebody on a loopback line."""

    def __init__(self, house: House, kind: str, vendor: VendorServer) -> None:
        self.house, self.kind = house, kind
        self._vendor = vendor
        self._texter = Texter(0, kind, vendor)
        self.address = self._texter.address
        self.line = house.parts.host.line("loopback", getattr(KEYS, kind))

    def send(self, *texts: str, ids: list[str] | None = None) -> None:
        """Write; nothing answers before `drain`."""
        _, _, _, body, headers = self._texter.message(*texts, ids=ids)._arguments
        lower = {name.lower(): value for name, value in headers.items()}
        self.house.parts.host.receive(self.line, WebhookRequest("POST", "", lower, {}, body, "127.0.0.1"))

    def replies(self) -> list[str]:
        """What reached this customer."""
        return self._vendor.to(self.address)


def drain_events(watch: Any) -> list[LiveEvent]:
    """All live events so far."""
    events = []
    while (event := watch.next(0.01)) is not None:
        events.append(event)
    return events
