"""P8: with the default settings a killed worker's message is taken up again within 45 s."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.harness.customers import ChatClient, Texter
from tests.harness.installation import Installation
from tests.servers.brain import Brain
from tests.servers.points import Points
from tests.servers.vendor_server import VendorServer


@pytest.mark.slow
def test_taken_up_within_45_seconds(
    install: Callable[..., Installation],
    make_instance: Callable[..., object],
    brain: Brain,
    vendor: VendorServer,
    points: Points,
) -> None:
    installation = install(FAULT_POINTS=points.url)
    for name in ("LEASE_SECONDS", "SWEEP_SECONDS"):
        lines = (installation.path / "settings.env").read_text().splitlines(keepends=True)
        (installation.path / "settings.env").write_text("".join(line for line in lines if not line.startswith(name)))
    installation.start()
    people = [ChatClient(installation.port), Texter(installation.port, "blind", vendor)]
    points.arm("before_record")
    for person in people:
        person.send("Do you come back?")
    points.wait(len(people))
    installation.kill()
    killed = time.monotonic()
    points.disarm()
    installation.start()
    for person in people:
        left = 45 - (time.monotonic() - killed)
        assert person.wait_for_replies(1, left) == ["Echo: Do you come back?"]
