"""Fixtures named after the domain: a house with a chat line and three push lines, its customers, model and vendor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness import instance, kept
from tests.harness.house import House
from tests.harness.installation import Installation
from tests.servers.brain import Brain
from tests.servers.points import Points
from tests.servers.postgres import PostgresServer
from tests.servers.vendor_server import VendorServer

FAST: dict[str, object] = {"LEASE_SECONDS": 2, "SWEEP_SECONDS": 0.3, "TURN_SECONDS": 20}


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker of tests that take long, which run all the same."""
    config.addinivalue_line("markers", "alone: measures time, so it runs when nothing else does")
    config.addinivalue_line("markers", "slow: takes more than 20 seconds; runs all the same")


@pytest.fixture(scope="session", autouse=True)
def _kept() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        kept.install(patch)
        yield


@pytest.fixture(scope="session")
def vendor() -> Iterator[VendorServer]:
    """The fake vendor of the loopback lines and of tools."""
    with VendorServer() as server:
        yield server


@pytest.fixture(scope="session")
def _brain() -> Iterator[Brain]:
    with Brain() as server:
        yield server


@pytest.fixture
def brain(_brain: Brain) -> Iterator[Brain]:
    """What the model says; by default it echoes."""
    _brain.forget()
    yield _brain
    _brain.forget()


@pytest.fixture(scope="session")
def _points() -> Iterator[Points]:
    with Points() as server:
        yield server


@pytest.fixture
def points(_points: Points) -> Iterator[Points]:
    """Where processes can be held."""
    yield _points
    _points.disarm()


@pytest.fixture(scope="session")
def _template(tmp_path_factory: pytest.TempPathFactory, vendor: VendorServer) -> Path:
    return instance.prepare(tmp_path_factory.mktemp("template") / "instance", vendor.url)


@pytest.fixture(scope="session")
def _postgres_template(
    tmp_path_factory: pytest.TempPathFactory, vendor: VendorServer, postgres: PostgresServer
) -> tuple[Path, str]:
    """The folder, and the URL of its database, which nobody connects to any more."""
    url = postgres.new_database()
    return instance.prepare(tmp_path_factory.mktemp("template") / "instance", vendor.url, url), url


@pytest.fixture
def database() -> str:
    """The database of `house`, `install` and the like, "sqlite"; a folder's conftest may run its tests on both:
    `@pytest.fixture(params=["sqlite", "postgresql"])`."""
    return "sqlite"


@pytest.fixture
def _copied_template(request: pytest.FixtureRequest, database: str) -> Iterator[Callable[[], tuple[Path, str]]]:
    """The folder to copy and the URL of a database that goes with the copy; empty for the embedded one."""
    made: list[str] = []

    def copied() -> tuple[Path, str]:
        if database == "sqlite":
            return request.getfixturevalue("_template"), ""
        folder, template = request.getfixturevalue("_postgres_template")
        made.append(request.getfixturevalue("postgres").new_database(template))
        return folder, made[-1]

    if database != "sqlite":
        request.getfixturevalue("_postgres_template")  # outlives this fixture
    yield copied
    for url in made:
        request.getfixturevalue("postgres").drop_database(url)


@pytest.fixture
def make_instance(
    tmp_path: Path, _copied_template: Callable[[], tuple[Path, str]], _brain: Brain, vendor: VendorServer
) -> Callable[..., Path]:
    """`make_instance(LEASE_SECONDS=5, …)`: a fresh instance folder whose model is `brain`, with its `database`."""
    made: list[Path] = []

    def make(**settings: object) -> Path:
        made.append(tmp_path / f"instance-{len(made)}")
        folder, url = _copied_template()
        defaults = {**FAST, "REMOTE_BRAIN": _brain.url, "REMOTE_VENDOR": vendor.url, "DATABASE_URL": url}
        return instance.copy(folder, made[-1], defaults | settings)

    return make


@pytest.fixture
def open_house(
    make_instance: Callable[..., Path], brain: Brain, vendor: VendorServer
) -> Iterator[Callable[..., House]]:
    """`open_house({"my_plugin": source}, LEASE_SECONDS=5)`: an assembled core within the test, with `bursts=True` one
    that waits for the rest of what a customer is writing."""
    opened: list[House] = []

    def open_(drop_ins: dict[str, str] | None = None, *, bursts: bool = False, **settings: object) -> House:
        path = make_instance(**{"WORKER_THREADS": 8, **settings})
        for name, source in (drop_ins or {}).items():
            file = path / "plugins" / f"{name}.py"
            file.parent.mkdir(exist_ok=True)
            file.write_text(source, encoding="utf-8")
        opened.append(House(path, vendor, bursts=bursts))
        return opened[-1]

    yield open_
    for house in opened:
        house.close()


@pytest.fixture
def house(open_house: Callable[..., House]) -> House:
    """An assembled core; turns run at `house.drain()`."""
    return open_house()


@pytest.fixture
def install(make_instance: Callable[..., Path], brain: Brain) -> Iterator[Callable[..., Installation]]:
    """`install(LEASE_SECONDS=5, …)`: a real installation, not started yet; its log is shown if the test fails."""
    made: list[Installation] = []

    def make(path: Path | None = None, **settings: object) -> Installation:
        made.append(Installation(path or make_instance(**settings)))
        return made[-1]

    yield make
    for installation in made:
        installation.kill()
        print(f"--- log of {installation.url}\n{installation.log()[-8000:]}")


@pytest.fixture(scope="session")
def _shared(
    tmp_path_factory: pytest.TempPathFactory, _template: Path, _brain: Brain, _points: Points, vendor: VendorServer
) -> Iterator[Installation]:
    servers: dict[str, object] = {"REMOTE_BRAIN": _brain.url, "REMOTE_VENDOR": vendor.url, "FAULT_POINTS": _points.url}
    path = instance.copy(_template, tmp_path_factory.mktemp("shared") / "instance", FAST | servers)
    installation = Installation(path)
    answer = installation.cli("account", "credits", "100000")
    assert answer.returncode == 0, answer.stderr
    yield installation
    installation.kill()


@pytest.fixture
def installation(_shared: Installation, brain: Brain, points: Points) -> Iterator[Installation]:
    """A real installation that runs; shared by tests, each with customers of its own."""
    start = len(_shared.log())
    if not _shared.running or not _shared.healthy():
        _shared.kill()
        _shared.start()
    yield _shared
    print(f"--- log\n{_shared.log()[start:][-8000:]}")
