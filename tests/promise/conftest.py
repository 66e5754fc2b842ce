"""The scene with the default settings plays beside the other tests, from the first one on: it has waits of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.harness import instance
from tests.harness.customers import ChatClient, Texter
from tests.harness.installation import Installation
from tests.promise.records import Customer
from tests.servers.brain import Brain
from tests.servers.points import Points
from tests.servers.vendor_server import VendorServer

TakenUp = Mapping[str, tuple[list[str], float, float]]
"""What each customer got, how many seconds after the kill, and how many after the new process was ready."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ask for the scene's end last; the order matters for the clock only."""
    items.sort(key=_is_takeover)


def _is_takeover(item: pytest.Item) -> bool:
    return item.path.name == "test_takeover.py"


@pytest.fixture(scope="session", autouse=True)
def takeover(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, _template: Path, vendor: VendorServer
) -> Iterator[Future[TakenUp] | None]:
    """The scene of P8, if its test is run at all."""
    if not any(map(_is_takeover, request.session.items)):
        yield None
        return
    with ThreadPoolExecutor(1) as pool, Brain() as brain, Points() as points:
        servers = {"REMOTE_BRAIN": brain.url, "REMOTE_VENDOR": vendor.url, "FAULT_POINTS": points.url}
        path = instance.copy(_template, tmp_path_factory.mktemp("takeover") / "instance", servers)
        installation = Installation(path)
        installation.cold = True  # what a host starts anew is counted too
        try:
            yield pool.submit(_play, installation, points, vendor)
        finally:
            installation.kill()


def _play(installation: Installation, points: Points, vendor: VendorServer) -> TakenUp:
    """With the default lease and sweep: kill the process while it answers, start it again, wait for the replies."""
    installation.start()
    people: dict[str, Customer] = {
        "webchat": ChatClient(installation.port),
        "blind": Texter(installation.port, "blind", vendor),
    }
    points.arm("before_record")
    for person in people.values():
        person.send("Do you come back?")
    points.wait(len(people))
    installation.kill()
    killed = time.monotonic()
    points.disarm()
    installation.start()
    ready = time.monotonic()

    def seen(person: Customer) -> tuple[list[str], float, float]:
        replies, now = person.wait_for_replies(1, 60), time.monotonic()
        return replies, now - killed, now - ready

    return {kind: seen(person) for kind, person in people.items()}
