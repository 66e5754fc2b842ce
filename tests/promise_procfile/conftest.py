"""The shared installation, once for each module: its processes cost seconds to start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import instance
from tests.procfile.processes import Procfile
from tests.promise_procfile.gates import Gates
from tests.promise_procfile.house import Together
from tests.servers.brain import Brain
from tests.servers.postgres import PostgresServer
from tests.servers.redis_server import RedisServer
from tests.servers.vendor_server import VendorServer

SETTINGS: dict[str, object] = {"LEASE_SECONDS": 3, "SWEEP_SECONDS": 1, "TURN_SECONDS": 20, "WORKER_THREADS": 48}


@pytest.fixture(scope="module")
def gates() -> Iterator[Gates]:
    """Where the first web and the first worker can be held."""
    with Gates() as server:
        yield server


@pytest.fixture(scope="module")
def _together(
    tmp_path_factory: pytest.TempPathFactory,
    _postgres_template: tuple[Path, str],
    postgres: PostgresServer,
    redis_server: RedisServer,
    _brain: Brain,
    vendor: VendorServer,
    gates: Gates,
) -> Iterator[Together]:
    template, template_url = _postgres_template
    url = postgres.new_database(template_url)
    servers = {"REMOTE_BRAIN": _brain.url, "REMOTE_VENDOR": vendor.url, "DATABASE_URL": url}
    path = instance.copy(template, tmp_path_factory.mktemp("together") / "instance", {**SETTINGS, **servers})
    key = (path / "secret.key").read_text().strip()
    procfile = Procfile(path, redis_server.url, SECRET_KEY=key)
    try:
        redis_server.start()
        together = Together(procfile, gates, postgres, redis_server, vendor)
        answer = together.web.cli("account", "credits", "100000")
        assert answer.returncode == 0, answer.stderr
        yield together
    finally:
        procfile.close()
        postgres.drop_database(url)


@pytest.fixture
def together(_together: Together, brain: Brain) -> Iterator[Together]:
    """Two webs and two workers that run, shared by the tests of a module, each with customers of its own."""
    start = {part: len(part.log()) for part in _together.parts}
    _together.mend()
    yield _together
    _together.mend()
    for part in _together.parts:
        print(f"--- log of {part.command} {part.port}\n{part.log()[start[part] :][-6000:]}")
