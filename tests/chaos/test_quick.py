"""The chaos run in short, in both ways: nothing is lost, doubled or told out of order. At length: `make chaos`."""

from __future__ import annotations

import random

import pytest

from tests.chaos.driver import Plan, run
from tests.servers import postgres, redis_server


@pytest.mark.slow
@pytest.mark.parametrize(
    "way",
    [
        "embedded",
        pytest.param(
            "procfile",
            marks=[
                pytest.mark.needs("postgresql", postgres.missing() is None, postgres.missing() or ""),
                pytest.mark.needs("redis", redis_server.PROGRAM is not None, redis_server.WHY),
            ],
        ),
    ],
)
def test_nothing_is_lost_doubled_or_reordered(way: str) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    plan = Plan(way, seed, messages=150, conversations=15, faults=9, seconds=14)  # type: ignore[arg-type]
    verdict, logs = run(plan)
    print(verdict.text())
    print(logs[-30_000:])
    assert verdict.good, verdict.text()
    assert len(verdict.faults) >= 5
