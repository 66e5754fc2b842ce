"""Fixtures of the services that a larger installation uses: a real PostgreSQL and a real Redis, for all tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.servers import postgres as postgres_
from tests.servers import redis_server as redis_
from tests.servers.postgres import PostgresServer
from tests.servers.redis_server import RedisServer

if TYPE_CHECKING:
    from tests.conftest import Require


@pytest.fixture(scope="session")
def postgres(require: Require) -> Iterator[PostgresServer]:
    """A running PostgreSQL; `new_database()` gives the URL of an empty one. Who breaks it starts it again."""
    why = postgres_.missing()
    require("postgresql", why is None, why or "")
    folder = Path(tempfile.mkdtemp(prefix="receptionist-postgres-"))  # pytest's own folders are closed to its user
    server = PostgresServer(folder)
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def redis_server(require: Require, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A running Redis that keeps nothing on disk. Who breaks it starts it again."""
    require("redis", redis_.PROGRAM is not None, redis_.WHY)
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()
