"""An assembled core on a temporary folder, with one account, a line of the channel under test and a scripted model."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flask
import sqlalchemy as sa
from werkzeug.test import TestResponse

from receptionist import migrations
from receptionist.app import create_app
from receptionist.contracts.messages import Sender
from receptionist.contracts.strategy import StrategyFields
from receptionist.core import DATABASE_FILE, assemble
from receptionist.db import Database, Scope, db_now
from receptionist.errors import AdminError, PluginError
from receptionist.models import Message, table
from receptionist.pipeline.runner import Runner
from receptionist.pipeline.sweeper import LATE, overdue
from receptionist.services import accounts, lines
from receptionist.services.strategies import strategies
from receptionist.testing.case import ChannelCase, Delivered, Incoming, Request, TestLine
from receptionist.testing.model import ScriptedModel, SecondModel
from receptionist.testing.stored import Stored
from receptionist.testing.vendor import Vendor

STRATEGY = "Rehearsal"
_MODEL = """from receptionist import hookimpl
from receptionist.testing.model import ScriptedModel, SecondModel


@hookimpl
def register_models(host):
    return [ScriptedModel(host), SecondModel(host)]
"""


@dataclass(frozen=True, slots=True)
class Account:
    """The business of the test."""

    id: int
    name: str


def make_template(folder: Path) -> Path:
    """A migrated database without an account, to be copied for each test."""
    file = folder / DATABASE_FILE
    database = Database(f"sqlite:///{file}")
    migrations.upgrade(database)
    database.dispose()
    return file


def prepare(folder: Path, template: Path, plugins: Sequence[Path], settings: dict[str, str]) -> None:
    """Make the instance folder. Plugins are linked, not copied, so that coverage finds them where they are."""
    (folder / "plugins").mkdir(parents=True)
    shutil.copy(template, folder / DATABASE_FILE)
    (folder / "plugins" / "scripted_model.py").write_text(_MODEL, encoding="utf-8")
    for plugin in plugins:
        (folder / "plugins" / plugin.name).symlink_to(plugin.resolve(strict=True))
    text = "".join(f"{name}={value}\n" for name, value in settings.items())
    (folder / "settings.env").write_text(text, encoding="utf-8")


class Rehearsal:
    """Nothing runs by itself: `work` runs the turns that are due, in the calling thread; `later` lets time pass."""

    def __init__(self, folder: Path, case: ChannelCase, vendor: Vendor | None) -> None:
        self.case = case
        self._vendor = vendor
        self.parts, self._factory = assemble(folder)
        if case.channel not in self.parts.channels:
            raise PluginError(
                f"There is no channel {case.channel}; there are: {', '.join(sorted(self.parts.channels))}. "
                "Return the path of its plugin from the fixture receptionist_plugins, or install it."
            )
        self.channel = self.parts.channels[case.channel]
        self._runner = Runner(self.parts, self._factory)
        self._rung: list[int] = []
        self.parts.ring = self._rung.append
        self.parts.plugins.each_or_stop("startup", host=self.parts.host)
        self.app: flask.Flask = create_app(self.parts)
        self.app.testing = True
        self.stored = Stored(self.parts)
        self.account = self._make_account()
        self.line = self.add_line()

    def close(self) -> None:
        """Tell plugins, and close the database."""
        self.parts.bus.close()
        for _ in self.parts.plugins.each("shutdown", host=self.parts.host):
            pass
        self._runner.broker.close()
        self.parts.database.dispose()

    @property
    def vendor(self) -> Vendor:
        """The stand-in for the channel's vendor."""
        assert self._vendor is not None, f"{type(self.case).__name__} has no vendor: it needs accept()"
        return self._vendor

    @property
    def model(self) -> ScriptedModel:
        """What writes the answers."""
        model = self.parts.models[ScriptedModel.name]
        assert isinstance(model, ScriptedModel)
        return model

    @property
    def second_model(self) -> SecondModel:
        """The one to fall back to, for strategies with `fallback_model: second`."""
        model = self.parts.models[SecondModel.name]
        assert isinstance(model, SecondModel)
        return model

    @property
    def can_tell(self) -> bool:
        """Whether what became of a message whose answer was lost can be found out on the line under test."""
        return self.channel.can_tell(self.parts.host.line(self.line.channel, self.line.key))

    def add_line(self) -> TestLine:
        """One more line of the channel under test, with settings of its own."""
        settings = dict(self.case.settings(self._vendor.url if self._vendor else ""))
        with self.parts.database.begin() as connection:
            scope = Scope(connection, self.account.id)
            row = lines.add(
                scope,
                self.parts.vault,
                self.channel,
                title="Line under test",
                address=self.case.address,
                settings=settings,
                strategy_id=strategies.find(scope, STRATEGY).id,
            )
        path = self.case.path.format(channel=self.case.channel, key=row.key)
        return TestLine(row.id, row.key, self.case.channel, path, self.parts.host.public_url + path, settings)

    def publish(self, name: str, fields: Mapping[str, Any]) -> None:
        """Publish a strategy with these fields; the scripted model answers, and only tools that are named are there.

        Raises `AdminError` for fields that cannot work."""
        whole = {"model": ScriptedModel.name, "burst_seconds": 0, **fields}
        with self.parts.database.begin() as connection:
            scope = Scope(connection, self.account.id)
            strategies.publish(scope, name, strategies.parse(whole), self._factory.check)

    def furnish(self, business: Mapping[str, Any], strategy: Mapping[str, Any]) -> None:
        """Make it this business (`timezone`, `country`), answered by this strategy. Raises `AdminError`."""
        if unknown := business.keys() - {"timezone", "country"}:
            raise AdminError(f"A business has no {', '.join(sorted(unknown))}; it has: timezone, country.")
        with self.parts.database.begin() as connection:
            zone, country = business.get("timezone"), business.get("country")
            accounts.change(Scope(connection, self.account.id), name=None, timezone=zone, country=country)
        self.publish(STRATEGY, strategy)

    def customer(self, number: int = 0, line: TestLine | None = None) -> str:
        """The address of a customer; the same number on the same line is the same one."""
        return self.case.customer(line or self.line, self.app.test_client(), number)

    def incoming(self, text: str, sender: str = "", id: str = "") -> Incoming:
        """A message, of the first customer unless another one is named."""
        return Incoming(id or str(uuid.uuid4()), sender or self.customer(), text)

    def post(self, request: Request) -> TestResponse:
        """Make a request to the application."""
        client = self.app.test_client()
        return client.open(request.path, method=request.method, data=request.body, headers=dict(request.headers))

    def receive(self, *messages: Incoming, line: TestLine | None = None) -> TestResponse:
        """Let the vendor bring messages; nothing answers before `work`."""
        return self.post(self.case.request(line or self.line, messages))

    def work(self) -> None:
        """Run all turns that were rung for, in this thread."""
        while self._rung:
            self._runner.drain(self._rung.pop(0))

    def later(self) -> None:
        """Let time pass: whatever waits for later is due now, and worked off."""
        due = sa.text("UPDATE conversations SET due_at = created_at WHERE due_at IS NOT NULL RETURNING id")
        with self.parts.database.begin() as connection:
            self._rung += [row.id for row in connection.execute(due).all()]
        self.work()

    def age(self, seconds: float) -> None:
        """Let all that customers wrote be so old."""
        messages = table(Message)
        old = sa.update(messages).where(messages.c.direction == "in")
        with self.parts.database.begin() as connection:
            connection.execute(old.values(created_at=db_now(-seconds), sent_at=None))

    def sweep(self) -> None:
        """Look, as the sweeper does, for what is due by now, and work it off."""
        with self.parts.database.begin() as connection:
            connection.execute(LATE)
            self._rung += overdue(connection)
        self.work()

    def replies(self, customer: str = "", line: TestLine | None = None) -> list[str]:
        """What reached a customer: at the vendor's, or in the transcript that a client of the channel fetches."""
        line, address = line or self.line, customer or self.customer()
        if self.channel.capabilities.delivery == "push":
            return [message.text for message in self.delivered(address)]
        found = self.parts.host.transcript(self.parts.host.line(line.channel, line.key), Sender(address))
        return [message.text for message in found if message.direction == "out"]

    def delivered(self, customer: str = "") -> list[Delivered]:
        """What reached a customer at the vendor's."""
        return [message for message in self.vendor.delivered() if message.to == (customer or self.customer())]

    def say(self, text: str, customer: str = "") -> list[str]:
        """Write as a customer, have the turn run, and hear what came back."""
        before = len(self.replies(customer))
        response = self.receive(self.incoming(text, customer))
        assert response.status_code < 300, f"refused with {response.status}: {response.get_data(as_text=True)}"
        self.work()
        return self.replies(customer)[before:]

    def _make_account(self) -> Account:
        name = "Rehearsal Ltd"
        fields = StrategyFields(
            model=ScriptedModel.name,
            tools=sorted(self.parts.tools),
            permissions=sorted({tool.effect for tool in self.parts.tools.values()}),
            disclosure=False,
            burst_seconds=0,
        )
        with self.parts.database.begin() as connection:
            account = Account(accounts.create(connection, name, "UTC"), name)
            strategies.publish(Scope(connection, account.id), STRATEGY, fields, self._factory.check)
        return account
