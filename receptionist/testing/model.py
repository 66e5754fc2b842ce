"""A model that says what the test told it to."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any, ClassVar

from receptionist.contracts.host import Host
from receptionist.contracts.model import (
    Completed,
    Model,
    ModelEvent,
    ModelRequest,
    Said,
    TextDelta,
    ToolOutput,
    ToolRequest,
)
from receptionist.errors import ModelError


class ScriptedModel(Model):
    """Answers with what `says` and `calls` put into its script, in order, then echoes what the customer said.

    `requests` holds every round it was asked for. After a tool's output, and without a script, it tells the output.
    """

    name: ClassVar[str] = "scripted"
    title: ClassVar[str] = "Scripted"

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.requests: list[ModelRequest] = []
        self._script: deque[str | tuple[str, str] | ModelError] = deque()
        self._lock = threading.Lock()
        self._calls = 0

    def says(self, *texts: str) -> None:
        """Answer with each of these texts, one turn after the other."""
        with self._lock:
            self._script.extend(texts)

    def calls(self, tool: str, /, **arguments: Any) -> None:
        """Call a tool with these arguments; with nothing more in the script, the reply is then its output."""
        with self._lock:
            self._script.append((tool, json.dumps(arguments)))

    def fails(self, reason: str = "the model failed") -> None:
        """Fail for good, so that it is not asked again for the same answer."""
        with self._lock:
            self._script.append(ModelError(reason))

    def stop_script(self) -> None:
        """Drop what is left of the script."""
        with self._lock:
            self._script.clear()

    def stream(self, request: ModelRequest) -> Iterator[ModelEvent]:
        """Play the next piece of the script."""
        with self._lock:
            self.requests.append(request)
            piece = self._script.popleft() if self._script else _echo(request)
            self._calls += 1
            number = self._calls
        if isinstance(piece, ModelError):
            raise piece
        if isinstance(piece, tuple):
            yield ToolRequest(f"call-{number}", *piece)
            yield Completed("", self.name)
        else:
            yield TextDelta(piece)
            yield Completed(piece, self.name)


class SecondModel(ScriptedModel):
    """One more, for strategies that name a model to fall back to."""

    name: ClassVar[str] = "second"
    title: ClassVar[str] = "Second scripted"
    preference: ClassVar[int] = 0


def _echo(request: ModelRequest) -> str:
    if outputs := [item.output for item in request.items if isinstance(item, ToolOutput)]:
        return f"The tool said: {'; '.join(outputs)}"
    said = [item for item in request.items if isinstance(item, Said)]
    last = max((index for index, item in enumerate(said) if item.role == "assistant"), default=-1)
    return "Echo: " + " | ".join(item.text for item in said[last + 1 :] if item.role == "user")
