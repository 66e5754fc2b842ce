"""A model without AI: answers by rules from the strategy's own facts, so that an installation without a key works.

It understands plain English questions about hours, services, prices, contact and the strategy's facts, takes a
name and a number through the tool `note_lead`, and asks for a person through `hand_over`. Every rule looks at
the customer's words and at the values of the turn; no rule knows any business.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

from pydantic import Field

from receptionist import (
    Completed,
    Host,
    Model,
    ModelError,
    ModelEvent,
    ModelRequest,
    Produced,
    Settings,
    TextDelta,
    ToolRequest,
    hookimpl,
)

from .answers import reply, wanted_calls
from .turn import read_turn


class DemoSettings(Settings):
    """How the demo model behaves."""

    demo_word_seconds: float = Field(
        0.02, ge=0, le=1, description="Pause before each word of the demo model's answers."
    )


class DemoModel(Model):
    """Rules in place of a model; says so to every customer by its notice."""

    name = "demo"
    title = "Demo (no AI)"
    preference = 0
    summarises = False
    notice = "Demo answers"

    def stream(self, request: ModelRequest) -> Iterator[ModelEvent]:
        """Ask for the tools the turn needs, or answer word by word."""
        turn = read_turn(request)
        calls = [(name, given) for name, given in wanted_calls(turn) if name in turn.tools and name not in turn.outputs]
        if calls:
            request.check()
            for index, (name, arguments) in enumerate(calls):
                yield ToolRequest(f"demo-{index}-{name}", name, json.dumps(arguments, ensure_ascii=False))
            yield Completed(
                "", self.name, produced=Produced([{"type": "demo_calls", "names": [name for name, _ in calls]}])
            )
            return
        text = reply(turn)
        pause = self.host.settings(DemoSettings).demo_word_seconds
        for piece in re.findall(r"\s*\S+", text):
            time.sleep(pause)
            request.check()
            if time.monotonic() > request.deadline:
                raise ModelError("the demo model did not finish its answer in time")
            yield TextDelta(piece)
        yield Completed(text, self.name)


@hookimpl
def register_settings() -> list[type[Settings]]:
    """The pause between words."""
    return [DemoSettings]


@hookimpl
def register_models(host: Host) -> list[Model]:
    """The demo model."""
    return [DemoModel(host)]
