"""One installation with model, Twilio, PostgreSQL and Redis around it, and a supervisor that starts what died."""

from __future__ import annotations

import contextlib
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from receptionist.core import assemble
from receptionist.db import Scope
from receptionist.services import accounts, limits, lines
from receptionist.services.strategies import strategies
from tests.chaos.mind import reply
from tests.harness import instance
from tests.harness.installation import Installation
from tests.procfile.processes import Part
from tests.servers.brain import Brain
from tests.servers.postgres import PostgresServer
from tests.servers.redis_server import RedisServer
from tests.servers.twilio_server import ACCOUNT, NUMBER, TOKEN, Reports, TwilioServer
from tests.servers.vendor_server import VendorServer

Way = Literal["embedded", "procfile"]
PUBLIC, SITE = "https://desk.example.test", "https://shop.example.test"
CHAT, SMS = "chaos-chat", "chaos-sms"
SETTINGS: dict[str, object] = {
    "LEASE_SECONDS": 6,  # SMS asks Twilio for up to 4 seconds what became of a message
    "SWEEP_SECONDS": 0.5,
    "TURN_SECONDS": 20,
    "WORKER_THREADS": 32,
}
CREDITS = 1_000_000


class Ports(dict[str, str]):
    """Where the public URL is served: at one of the web processes, another one each time."""

    def __init__(self, ports: list[int]) -> None:
        super().__init__()
        self._ports = ports

    def items(self) -> list[tuple[str, str]]:  # type: ignore[override]
        """As a router in front of them picks one."""
        return [(PUBLIC, f"http://127.0.0.1:{random.choice(self._ports)}")]


class Kept:
    """A process that is started again whenever it ended. Whoever does something to it holds `mine`."""

    def __init__(self, name: str, part: Installation) -> None:
        self.name, self.part = name, part
        self.mine = threading.Lock()
        self.starts = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"keeper of {name}", daemon=True)

    def start(self) -> None:
        """Start it, and watch it from now on."""
        self.part.start(60)
        self.starts = 1
        self._thread.start()

    def _keep(self) -> None:
        while not self._over.wait(0.05):
            if not self.part.running:
                with contextlib.suppress(RuntimeError):  # the database is away: again
                    self.part.start(60)
                    self.starts += 1

    def close(self) -> None:
        """Watch no more, and kill it."""
        self._over.set()
        self.part.kill()
        self._thread.join(65)
        self.part.kill()


class Stage:
    """What a run plays on; a `with` block starts and ends it."""

    def __init__(self, way: Way) -> None:
        self.way = way
        self._closing = contextlib.ExitStack()
        self.postgres: PostgresServer | None = None
        self.redis: RedisServer | None = None

    def __enter__(self) -> Stage:
        try:
            self._set_up()
        except BaseException:
            self._closing.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def _set_up(self) -> None:
        enter = self._closing.enter_context
        self.folder = Path(tempfile.mkdtemp(prefix="receptionist-chaos-"))
        self._closing.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.brain, self.vendor, self.twilio = enter(Brain()), enter(VendorServer()), enter(TwilioServer())
        self.brain.reply = reply
        self.twilio.reports = Reports("sent", "delivered")
        url = self._services() if self.way == "procfile" else ""
        self.path = self._instance(url)
        self.strikes = self.path / "strikes"
        self.strikes.mkdir()
        self.kept = list(self._processes())
        self.webs = [kept for kept in self.kept if not kept.name.startswith("worker")]
        self.twilio.public = Ports(self.ports)
        for kept in self.kept:
            self._closing.callback(kept.close)
            kept.start()

    @property
    def ports(self) -> list[int]:
        """Of all web processes."""
        return [kept.part.port for kept in self.webs]

    def _services(self) -> str:
        folders = [self.folder / name for name in ("postgres", "redis")]
        self.folder.chmod(0o755)  # PostgreSQL's user must get in
        for folder in folders:
            folder.mkdir()
        self.postgres, self.redis = PostgresServer(folders[0]), RedisServer(folders[1])
        for server in (self.postgres, self.redis):
            server.start()
            self._closing.callback(server.kill)
        return self.postgres.new_database()

    def _instance(self, url: str) -> Path:
        template = instance.prepare(self.folder / "template", self.vendor.url, url)
        disabled = [name for name in instance.left_out().split(",") if name != "twilio_sms"]
        path = instance.copy(
            template,
            self.folder / "instance",
            {
                **SETTINGS,
                "DISABLED_PLUGINS": ",".join(disabled),
                "DATABASE_URL": url,
                "PUBLIC_URL": PUBLIC,
                "REMOTE_BRAIN": self.brain.url,
                "REMOTE_VENDOR": self.vendor.url,
                "TWILIO_BASE_URL": self.twilio.url,
                "FAULT_POINTS": self.folder / "instance" / "strikes",
            },
        )
        shutil.copy(Path(__file__).with_name("strikes.py"), path / "plugins")
        _furnish(path)
        return path

    def _processes(self) -> Iterator[Kept]:
        if self.way == "embedded":
            yield Kept("run", Installation(self.path))
            return
        assert self.redis is not None
        settings = {"REDIS_URL": self.redis.url, "HOST": "127.0.0.1"}
        settings["SECRET_KEY"] = (self.path / "secret.key").read_text().strip()
        for number in (1, 2):
            yield Kept(f"web {number}", Part("web", self.path, **settings))
        for number in (1, 2):
            yield Kept(f"worker {number}", Part("worker", self.path, **settings))

    def sql(self, statement: str) -> list[Mapping[str, object]]:
        """Rows of a query."""
        return self.kept[0].part.sql(statement)

    def idle(self) -> bool:
        """Whether nothing is left to do."""
        return not self.sql("SELECT 1 FROM conversations WHERE due_at IS NOT NULL OR lease_owner IS NOT NULL LIMIT 1")

    def settle(self, timeout: float) -> bool:
        """Wait until nothing is left to do; False if there still is something."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            with contextlib.suppress(Exception):  # the database may be starting
                if self.idle():
                    return True
            time.sleep(0.1)
        return False

    def logs(self) -> str:
        """What the processes wrote."""
        return "\n".join(f"--- {kept.name}\n{kept.part.log()}" for kept in self.kept)


def _furnish(path: Path) -> None:
    """Lines for many customers: a chat line with high limits, and one at Twilio; credits, so that they are counted."""
    parts, factory = assemble(path)
    with parts.database.begin() as connection:
        scope = Scope(connection, accounts.require(connection, None))
        fields = instance.STRATEGY.model_dump(mode="json") | {"burst_seconds": 0}
        strategies.publish(scope, instance.STRATEGY_NAME, strategies.parse(fields), factory.check)
        strategy_id = strategies.find(scope, instance.STRATEGY_NAME).id
        accounts.add_credits(scope, CREDITS, "chaos")
        limits.change(scope, {"loop_turns": None})  # these customers are machines
        chat = {"allowed_origins": [SITE], "messages_per_minute": 600, "line_messages_per_minute": 100_000}
        sms = {"account_sid": ACCOUNT, "auth_token": TOKEN, "phone_number": NUMBER}
        for channel, key, settings in (("webchat", CHAT, chat), ("sms", SMS, sms)):
            kind = parts.channels[channel]
            lines.add(scope, parts.vault, kind, title=key, key=key, settings=settings, strategy_id=strategy_id)
    parts.database.dispose()
