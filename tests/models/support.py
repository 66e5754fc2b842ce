"""What the tests of the model plugin share."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from plugins.openai_model import OpenAIModel
from receptionist import Completed, Item, ModelEvent, ModelRequest, Said, TextDelta, ToolRequest, ToolSpec

KEY = "sk-test-0123456789abcdef"
HELLO: tuple[Item, ...] = (Said("user", "Hello"),)
BOOK = ToolSpec(
    "book",
    "Book an appointment.",
    {
        "type": "object",
        "properties": {"day": {"type": "string"}},
        "required": ["day"],
        "additionalProperties": False,
    },
)


class SettingsHost:
    """A host that knows settings only."""

    def __init__(self, **values: Any) -> None:
        self._values = values

    def settings(self, kind: type[Any]) -> Any:
        """The settings made of the values given, not of the environment."""
        return kind.model_validate(self._values)


def make_model(base_url: str, **values: Any) -> OpenAIModel:
    """The plugin's model, pointed at a server; it treats it as OpenAI's own unless told otherwise."""
    known = {"openai_api_key": KEY, "openai_base_url": base_url, "openai_flavor": "openai"}
    return OpenAIModel(SettingsHost(**{**known, **values}))  # type: ignore[arg-type]


def still_wanted() -> None:
    """The check of an answer nobody calls off."""


def make_request(
    items: Sequence[Item] = HELLO,
    *,
    tools: Sequence[ToolSpec] = (),
    seconds: float = 5.0,
    check: Callable[[], None] = still_wanted,
    **more: Any,
) -> ModelRequest:
    """A request with a deadline `seconds` from now."""
    deadline = time.monotonic() + seconds
    return ModelRequest("Be brief.", items, tools, deadline, check, account_id=1, **more)


def texts(events: Sequence[ModelEvent]) -> list[str]:
    """The pieces of text among the events."""
    return [event.text for event in events if isinstance(event, TextDelta)]


def calls(events: Sequence[ModelEvent]) -> list[ToolRequest]:
    """The tool requests among the events."""
    return [event for event in events if isinstance(event, ToolRequest)]


def end(events: Sequence[ModelEvent]) -> Completed:
    """The last event."""
    last = events[-1]
    assert isinstance(last, Completed)
    return last
