"""What conversations keep between turns is tested on both databases."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.harness.house import House
from tests.harness.instance import left_out


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """The database of `house`."""
    return str(request.param)


@pytest.fixture
def house(open_house: Callable[..., House]) -> House:
    """A house whose agent has the tools for goals."""
    names = left_out().split(",")
    house = open_house(DISABLED_PLUGINS=",".join(name for name in names if name != "goals"), SESSION_TTL_HOURS="0.5")
    house.publish(tools=["book", "set_goal", "close_goal"])
    return house
