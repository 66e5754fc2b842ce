"""A Procfile installation, and the Redis that its processes share; a test may set `database` to "postgresql"."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.procfile.processes import Procfile
from tests.servers.brain import Brain
from tests.servers.redis_server import RedisServer

FAST: dict[str, object] = {"LEASE_SECONDS": 3, "SWEEP_SECONDS": 5, "WORKER_THREADS": 16}


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[RedisServer]:
    """A Redis that runs and is empty, before and after."""
    redis_server.start()
    redis_server.resume()
    yield redis_server
    redis_server.resume()
    redis_server.kill()
    redis_server.start()


@pytest.fixture
def procfile(make_instance: Callable[..., Path], brain: Brain, redis: RedisServer) -> Iterator[Callable[..., Procfile]]:
    """`procfile(SWEEP_SECONDS=30)`: an installation of which nothing runs yet."""
    made: list[Procfile] = []

    def make(**settings: object) -> Procfile:
        path = make_instance(**FAST)
        key = (path / "secret.key").read_text().strip()
        made.append(Procfile(path, redis.url, SECRET_KEY=key, **settings))
        return made[-1]

    yield make
    for each in made:
        each.close()
