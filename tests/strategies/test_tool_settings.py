"""What a strategy sets for a tool is checked when it is saved, and reaches the function."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from receptionist.errors import PluginError
from tests.harness.house import House
from tests.strategies.conftest import Command

RENTAL = """
from pydantic import BaseModel, Field

from receptionist import ToolContext, hookimpl, tool


class RentalSettings(BaseModel):
    day_price: int = Field(default=10, ge=0, description="Euros a day.")
    longest: int = 30


@tool(settings=RentalSettings)
def rental_price(context: ToolContext, days: int) -> str:
    "What renting a bicycle costs."
    return f"{context.settings.day_price * days} of {context.settings.longest}"


@tool
def plain(context: ToolContext) -> str:
    "Say what the settings are."
    return str(context.settings)


@hookimpl
def register_tools():
    return [rental_price, plain]
"""


@pytest.fixture
def house(open_house: Callable[..., House]) -> House:
    """A house with a tool that has settings."""
    return open_house({"rental": RENTAL})


def test_settings_reach_the_function_with_defaults_for_the_rest(house: House) -> None:
    house.publish(tools=["rental_price", "plain"])
    visitor = house.visitor()
    assert visitor.say('call rental_price {"days": 3}.') == "The tool said: 30 of 30"
    house.publish(tool_settings={"rental_price": {"day_price": 7}})
    assert visitor.say('call rental_price {"days": 3}.') == "The tool said: 21 of 30"
    assert visitor.say("call plain {}.") == "The tool said: None"


def test_settings_that_do_not_fit_are_not_saved(command: Command) -> None:
    for change, says in [
        ("tool_settings.rental_price.day_price=-1", "tool_settings of rental_price: day_price: "),
        ("tool_settings.rental_price.day_pric=1", "day_pric: there is no such field, did you mean day_price?"),
        ("tool_settings.rental_price.x=1", "Settings of this tool: day_price, longest."),
        ("tool_settings.plain.x=1", "The tool plain takes no settings."),
        ("tool_settings.rent.x=1", "There is no tool rent; there are: book"),
    ]:
        assert says in command("set", "House", change, fails=True)
    command("set", "House", "tools=[]", "tool_settings.rental_price.day_price=1")


def test_a_tool_whose_settings_fit_no_more_is_left_out(house: House, capfd: pytest.CaptureFixture[str]) -> None:
    house.publish(tools=["rental_price", "plain"])
    house.sql(
        "UPDATE strategy_versions SET fields = :fields WHERE number = 2",
        fields='{"tools": ["rental_price", "plain"], "tool_settings": {"rental_price": {"old": 1}}}',
    )
    visitor = house.visitor()
    assert visitor.say('call rental_price {"days": 3}.').startswith("Echo: call rental_price")
    assert visitor.say("call plain {}.") == "The tool said: None"


def test_settings_without_a_default_stop_the_start(open_house: Callable[..., House]) -> None:
    source = RENTAL.replace("longest: int = 30", "longest: int").replace("{context.settings.longest}", "")
    with pytest.raises(PluginError, match=r"rental_price.*longest"):
        open_house({"rental": source})


@pytest.mark.parametrize("kind", ["SecretStr", "SecretStr | None", "list[SecretStr]", "dict[str, Key]"])
def test_secret_settings_stop_the_start(kind: str, open_house: Callable[..., House]) -> None:
    source = RENTAL.replace("    longest: int = 30", f"    longest: int = 30\n    key: {kind} = None")
    source = source.replace("import BaseModel, Field", "import BaseModel, Field, SecretStr")
    source = source.replace("\nclass ", "\nclass Key(BaseModel):\n    word: SecretStr\n\n\nclass ", 1)
    with pytest.raises(PluginError, match=r"rental_price: its setting (key|word) is secret.*register_settings"):
        open_house({"rental": source})
