"""Two webs and two workers on one PostgreSQL and one Redis. The first of each kind can be held at gates."""

from __future__ import annotations

import signal
from collections.abc import Iterable

from tests.harness.customers import ChatClient, Persistent, Texter
from tests.procfile.processes import Part, Procfile
from tests.promise.records import PUSH, Customer
from tests.promise_procfile.gates import Gates
from tests.servers.postgres import PostgresServer
from tests.servers.redis_server import RedisServer
from tests.servers.vendor_server import VendorServer


class Process(Part):
    """One that is started several times: what it wrote before does not count."""

    _known = 0

    def start(self, timeout: float = 30.0) -> None:
        """Start and return when it works. Raises `RuntimeError` with the log if it does not."""
        self._known = len(self.log())
        super().start(timeout)

    def works(self) -> bool:
        """Whether it serves, or answers, since this start."""
        return self.healthy() if self.command == "web" else "Receptionist answers" in self.log()[self._known :]


class Together:
    """The installation. `first` and `web` are the worker and the web that faults happen to."""

    def __init__(
        self, procfile: Procfile, gates: Gates, postgres: PostgresServer, redis: RedisServer, vendor: VendorServer
    ) -> None:
        self.gates, self.postgres, self.redis, self.vendor = gates, postgres, redis, vendor
        self._procfile = procfile
        self.web = self._start("web", FAULT_POINTS=gates.url)
        self.other_web = self._start("web")
        self.first = self._start("worker", FAULT_POINTS=gates.url)
        self.second = self._start("worker")

    def _start(self, kind: str, **settings: object) -> Part:
        part = Process(kind, self._procfile.path, **{**self._procfile.settings, **settings})
        self._procfile.parts.append(part)
        part.start()
        return part

    @property
    def parts(self) -> list[Part]:
        """All processes."""
        return self._procfile.parts

    def mend(self) -> None:
        """Undo what the last test left: everything runs, nothing is held."""
        self.gates.open()
        self.postgres.resume()
        self.postgres.start()
        self.redis.resume()
        self.redis.start()
        for part in self.parts:
            part.signal(signal.SIGCONT)
            if not part.running:
                part.start()

    def close(self) -> None:
        """End all."""
        self._procfile.close()

    def customers(self, kinds: Iterable[str] = ("webchat", *PUSH)) -> dict[str, Customer]:
        """One new customer on each of these lines, at the first web."""
        return {kind: self.customer(kind) for kind in kinds}

    def customer(self, kind: str) -> Customer:
        """Somebody new."""
        if kind != "webchat":
            return Texter(self.web.port, kind, self.vendor)
        chat = ChatClient(self.web.port)
        chat.open()
        return chat


def again(request: Persistent, part: Part) -> Persistent:
    """The same request, for another web process."""
    _, method, path, body, headers = request._arguments
    if "Origin" in headers:
        headers = {**headers, "Origin": f"http://127.0.0.1:{part.port}"}
    return Persistent(part.port, method, path, body, headers, request._source)
