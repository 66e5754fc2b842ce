"""A strategy permits classes of tools; what it does not permit cannot be saved, offered or called."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from receptionist import tool
from receptionist.errors import LineError
from tests.harness.house import House
from tests.servers.brain import Brain

SHOP = """
from receptionist import hookimpl, tool


@tool(effect="spends")
def charge(cents: int) -> str:
    "Charge the customer's card."
    return f"charged {cents}"


@hookimpl
def register_tools(host):
    return [charge]
"""


@pytest.fixture
def shop(open_house: Callable[..., House]) -> House:
    """A house with a tool that costs money."""
    return open_house({"shop": SHOP})


def test_a_tool_that_is_not_permitted_cannot_be_saved(shop: House) -> None:
    with pytest.raises(LineError, match=r"charge spends, which this strategy does not permit\. Add spends to"):
        shop.publish(tools=["charge"])
    shop.publish(tools=["charge"], permissions=["reads", "spends"])
    with pytest.raises(LineError, match="note writes, which"):
        shop.publish(tools=["charge", "note"])


def test_a_permitted_one_is_called(shop: House) -> None:
    shop.publish(tools=["charge"], permissions=["spends"])
    assert shop.visitor().say('call charge {"cents": 5}.') == "The tool said: charged 5"


def test_one_that_changed_since_is_neither_offered_nor_called(shop: House, brain: Brain) -> None:
    prepared = shop.factory._tools["note"]
    spending = dataclasses.replace(prepared.tool, effect="spends")
    shop.factory._tools["note"] = dataclasses.replace(prepared, tool=spending)
    assert shop.visitor().say('call note {"text": "x"}.').startswith("Echo: ")
    assert "note" not in brain.questions[-1].tools
    assert "book" in brain.questions[-1].tools
    assert shop.sql("SELECT id FROM tool_calls") == []


def test_mistakes_of_a_plugin_stop_the_start() -> None:
    def order(dish: str) -> str:
        """Order."""
        return dish

    with pytest.raises(TypeError, match="effect='eats'"):
        tool(effect="eats")(order)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"\{meal\} must be one of its parameters"):
        tool(effect="writes", confirm="Order {meal}")(order)
    with pytest.raises(TypeError, match=r"\{dish\} must be one of its parameters, as it is"):
        tool(effect="writes", confirm="Order {dish:>5}")(order)
    with pytest.raises(TypeError, match="asks nobody"):
        tool(confirm=True)(order)
