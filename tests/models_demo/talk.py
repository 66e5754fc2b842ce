"""A customer of the demo's business, talking to the demo model through its real tools."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from plugins.demo_model import DemoModel
from receptionist import Completed, Item, ModelRequest, Said, TextDelta, ToolOutput, ToolRequest, ToolSpec
from receptionist.agents.variables import strategy_variables
from receptionist.contracts.strategy import StrategyFields
from receptionist.services.demo.demo import ACCOUNT_NAME, TIMEZONE, demo_fields
from tests.small_plugins.host import MemoryHost

ALL_TOOLS = ("note_lead", "hand_over", "open_times")
FRIDAY_NOON = datetime(2026, 11, 20, 13, 0, tzinfo=ZoneInfo(TIMEZONE))


def results(name: str, arguments: Mapping[str, Any]) -> str:
    """What the bundled tools answer when all goes well."""
    if name == "note_lead":
        return json.dumps({"noted": {key: value for key, value in arguments.items() if value}})
    if name == "open_times":
        return json.dumps({"date": arguments["day"], "day": "Friday", "hours": "closed (Christmas)"})
    return json.dumps({"handed_over": True})


@dataclass
class Talk:
    """One conversation. `say` returns the reply; `calls` has every tool call with its arguments."""

    fields: StrategyFields = field(default_factory=lambda: demo_fields().model_copy(update={"exceptions": []}))
    tools: Sequence[str] = ALL_TOOLS
    result: Callable[[str, Mapping[str, Any]], str] = results
    first: bool = False
    now: datetime = FRIDAY_NOON
    lead: dict[str, Any] = field(
        default_factory=lambda: {"id": 7, "name": None, "email": None, "phone": None, "company": None, "notes": ""}
    )
    items: list[Item] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def say(self, *texts: str) -> str:
        """Send messages as one turn."""
        self.items += [Said("user", text) for text in texts]
        for _ in range(3):
            *events, last = DemoModel(MemoryHost(demo_word_seconds=0)).stream(self.request())
            assert isinstance(last, Completed)
            requests = [event for event in events if isinstance(event, ToolRequest)]
            if not requests:
                assert "".join(event.text for event in events if isinstance(event, TextDelta)) == last.text
                self.items.append(Said("assistant", last.text))
                self.first = False
                return last.text
            self.items += [last.produced, *map(self._call, requests)]
        raise AssertionError("the model asks for tools again and again")

    def request(self, **changes: Any) -> ModelRequest:
        """What core would ask of the model now."""
        variables = {
            "account": {"id": 1, "name": ACCOUNT_NAME, "timezone": TIMEZONE},
            "line": {"title": "Chat", "channel": "webchat"},
            "lead": self.lead,
            "conversation": {"id": 3, "first_reply": self.first},
            **strategy_variables(self.fields, self.now),
        }
        given: dict[str, Any] = {
            "instructions": "",
            "items": tuple(self.items),
            "tools": [ToolSpec(name, "", {}) for name in self.tools],
            "deadline": time.monotonic() + 30,
            "check": lambda: None,
            "account_id": 1,
            "variables": variables,
        }
        return ModelRequest(**given | changes)

    def _call(self, request: ToolRequest) -> ToolOutput:
        arguments = json.loads(request.arguments)
        self.calls.append((request.name, arguments))
        output = self.result(request.name, arguments)
        if request.name == "note_lead" and "noted" in output:
            self.lead |= {key: value for key, value in arguments.items() if value and key in self.lead}
        return ToolOutput(request.call_id, request.name, output)
