"""A model plugin with a mistake in it is a model that gave no answer: the next one answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.harness.house import House

BROKEN = """
from receptionist import Completed, Model, TextDelta, ToolRequest, Usage, hookimpl


class Broken(Model):
    name, title, preference = "broken", "Broken", 3000
    mistake = ""

    def stream(self, request):
        match self.mistake:
            case "raises":
                raise KeyError("choices")
            case "is no generator":
                return None
        yield {
            "no event": 5,
            "no text": Completed(None, "m", Usage()),
            "bytes": TextDelta(b"Hello"),
            "nothing to be seen": Completed("\\x01\\u200b\\u2028", "m", Usage()),
            "no usage": Completed("Hello", "m", None),
            "a novel": Completed("Hello. " * 20_000, "m", Usage()),
            "arguments as a dict": ToolRequest("1", "note_lead", {"name": "Ada"}),
        }[self.mistake]
        yield Completed("", "m", Usage())


class Sound(Model):
    name, title, preference = "sound", "Sound", 10

    def stream(self, request):
        yield Completed("We open at nine.", "sound-1", Usage())


@hookimpl
def register_models(host):
    return [Broken(host), Sound(host)]
"""


@pytest.mark.parametrize(
    "mistake",
    [
        "raises",
        "is no generator",
        "no event",
        "no text",
        "bytes",
        "nothing to be seen",
        "no usage",
        "a novel",
        "arguments as a dict",
    ],
)
def test_the_fallback_answers(open_house: Callable[..., House], mistake: str) -> None:
    house = open_house({"broken": BROKEN})
    house.publish(model="broken", fallback_model="sound")
    house.parts.models["broken"].mistake = mistake  # type: ignore[attr-defined]
    assert house.visitor().say("When do you open?") == "We open at nine."
