"""Typed functions as strict schemas: what a vendor would refuse stops the start, or is said in another way."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, HttpUrl

from receptionist import tool
from receptionist.agents.tools import BadArguments, PreparedTool, prepared_tool
from receptionist.errors import PluginError
from tests.servers.strict_schema import check_strict


class Size(Enum):
    """Of a drink."""

    small = "small"
    large = "large"


class Dish(BaseModel):
    """Something to eat."""

    kind: Literal["dish"]
    name: str
    pieces: int = 1


class Drink(BaseModel):
    """Something to drink."""

    kind: Literal["drink"]
    size: Annotated[Size, Field(description="How large")] = Size.small


Thing = Annotated[Dish | Drink, Field(discriminator="kind")]


def order(
    first: Annotated[Dish, Field(description="What comes first")],
    size: Annotated[Size, Field(description="How large")],
    things: list[Thing],
    extras: set[str],
    tip: Decimal,
    menu: HttpUrl,
    code: Annotated[str, Field(json_schema_extra={"pattern": "^(?!0)[0-9]+$"})],
    day: Annotated[str, Field(pattern="^[0-9]+$")],
    spare: Dish = Dish(kind="dish", name="bread"),  # noqa: B008 - as plugins write it
    number: int | str = 1,
) -> str:
    """Order."""
    return f"{first} {size} {things} {extras} {tip} {menu} {code} {day} {spare} {number}"


def prepared(function: Callable[..., Any]) -> PreparedTool:
    """The function as a tool that acts."""
    return prepared_tool(tool(effect="writes")(function))


def test_a_vendor_takes_every_schema() -> None:
    spec = prepared(order).spec
    check_strict(spec.parameters, (), "function 'order'", "tools[0].parameters", "invalid_function_parameters")
    text = str(spec.parameters)
    assert [word for word in ("uri", "uniqueItems", "discriminator", "'default'", "(?!") if word in text] == []
    assert spec.parameters["properties"]["day"]["pattern"] == "^[0-9]+$"
    assert spec.parameters["properties"]["first"] == {
        "anyOf": [{"$ref": "#/$defs/Dish"}],
        "description": "What comes first",
    }
    assert spec.parameters["properties"]["number"]["anyOf"][-1] == {"type": "null"}


def anything(value: Any) -> str:
    """Take anything."""
    return str(value)


def any_keys(value: dict[str, str]) -> str:
    """Take any keys."""
    return str(value)


def pair(value: tuple[int, str]) -> str:
    """Take a pair."""
    return str(value)


def bare_list(value: list) -> str:  # type: ignore[type-arg]
    """Take a list."""
    return str(value)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (anything, r"Tool anything .* value needs a type that says what it is"),
        (bare_list, r"Tool bare_list .* value needs a type that says what it is"),
        (any_keys, r"Tool any_keys .* value may not be a dict of any keys; take a list of a model"),
        (pair, r"Tool pair .* value may not be a tuple"),
    ],
)
def test_what_no_strict_schema_can_say_stops_the_start(function: Callable[..., Any], message: str) -> None:
    with pytest.raises(PluginError, match=message):
        prepared(function)


@pytest.mark.parametrize("name", ["calendar.book", "rückruf", "a" * 65, ""])
def test_a_name_that_no_vendor_takes_stops_the_start(name: str) -> None:
    """One wrong name, and every request with tools is refused."""
    with pytest.raises(PluginError, match="a tool's name has 1 to 64 of the characters"):
        prepared_tool(replace(tool(effect="writes")(order), name=name))


def test_a_null_means_the_default_further_in_too() -> None:
    said = """{"first": {"kind": "dish", "name": "soup", "pieces": null}, "size": "large",
        "things": [{"kind": "drink", "size": null}, {"kind": "dish", "name": "roll", "pieces": 3}], "extras": [],
        "tip": "1.50", "menu": "https://example.com/menu", "code": "7", "day": "1", "spare": null, "number": null}"""
    made = prepared(order).parse(said)
    assert made["first"].pieces == 1
    assert [made["things"][0].size, made["things"][1].pieces] == [Size.small, 3]
    assert (made["spare"].name, made["number"]) == ("bread", 1)


def test_a_null_is_no_value_where_one_is_needed() -> None:
    said = """{"first": {"kind": "dish", "name": null, "pieces": 1}, "size": "large", "things": [], "extras": [],
        "tip": "1.50", "menu": "https://example.com/menu", "code": "7", "day": "1", "spare": null, "number": null}"""
    with pytest.raises(BadArguments, match=r"first\.name: Field required"):
        prepared(order).parse(said)


def share(part: float) -> str:
    """Take a part."""
    return str(part)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity"])
def test_no_number_is_infinite(number: str) -> None:
    with pytest.raises(BadArguments, match="not valid JSON"):
        prepared(share).parse(f'{{"part": {number}}}')


def test_a_function_with_a_memory_is_a_tool() -> None:
    @tool
    @functools.cache
    def price(dish: str) -> str:
        """What a dish costs."""
        return f"{dish}: 9 euros"

    assert price.name == "price" and price.function("soup") == "soup: 9 euros"
