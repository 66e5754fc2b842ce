"""Redis and PostgreSQL of the bench's own: fresh, on free ports, gone afterwards."""

from __future__ import annotations

from pathlib import Path

from bench.processes import family, family_cpu
from tests.servers import postgres, redis_server
from tests.servers.process import ServerProcess

AS_INSTALLED = {"fsync": "on", "full_page_writes": "on", "shared_buffers": "128MB", "autovacuum": "on"}
"""The tests' PostgreSQL waits for no disk; here it must do all that a business's does."""


class Service:
    """A server that both apps stand on; `name` says what it is in the report."""

    def __init__(self, name: str, server: ServerProcess) -> None:
        self.name = name
        self._server = server
        server.start()

    def cpu(self) -> float:
        """Seconds of CPU that it and its children have used."""
        return family_cpu(family(self._server._pid))

    def stop(self) -> None:
        """End it."""
        self._server.stop()


class Redis(Service):
    """A Redis that keeps nothing on disk. Raises `RuntimeError` if there is none here."""

    def __init__(self, folder: Path) -> None:
        if redis_server.PROGRAM is None:
            raise RuntimeError(redis_server.WHY)
        folder.mkdir()
        server = redis_server.RedisServer(folder)
        self.url = server.url
        super().__init__("redis", server)


class PostgreSQL(Service):
    """A PostgreSQL cluster. Raises `RuntimeError` if there is none here."""

    def __init__(self, folder: Path) -> None:
        if missing := postgres.missing():
            raise RuntimeError(missing)
        folder.mkdir()
        for each in (folder, *folder.parents):  # it does not run as root, and must enter its folder
            if not each.stat().st_mode & 0o001:
                each.chmod(each.stat().st_mode | 0o011)
        server = postgres.PostgresServer(folder, **AS_INSTALLED, max_connections="400")
        self.new_database = server.new_database
        super().__init__("postgresql", server)
