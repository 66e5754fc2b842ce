"""Step 7: one turn's answer, by model and tools, within one deadline."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from receptionist.agents.brief import Brief
from receptionist.agents.prompt import Prompt
from receptionist.agents.toolbox import Toolbox
from receptionist.contracts.model import (
    Completed,
    Item,
    Model,
    ModelRequest,
    TextDelta,
    ToolRequest,
    ToolSpec,
    Usage,
)
from receptionist.errors import ModelError

MAX_ROUNDS = 4
"""Rounds in which the model may call tools; then it must answer without."""
MAX_RETRIES = 5
"""Times a round is asked again after passing faults: about ten seconds, unless the server asks for longer pauses."""
MAX_WAIT = 5.0
"""Longest pause before the model is asked again after a passing fault, in seconds."""
NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the agent says, and what it took."""

    text: str
    model: str
    usage: Usage


class Agent:
    """Answers one turn. Made by `AgentFactory.create_agent`; holds nothing of any other turn."""

    __slots__ = ("_brief", "_end_user", "_model", "_model_name", "_prompt", "_shown", "_toolbox", "_usage")

    def __init__(
        self, brief: Brief, model: Model, model_name: str | None, prompt: Prompt, toolbox: Toolbox, end_user: str
    ) -> None:
        self._brief = brief
        self._model = model
        self._model_name = model_name
        self._prompt = prompt
        self._toolbox = toolbox
        self._end_user = end_user
        self._usage = NO_USAGE
        self._shown = False

    def answer(self) -> Answer:
        """The reply to all that waits. Raises `ModelError` (no usable answer in time) or `Interrupted`."""
        items: list[Item] = [*self._brief.history, *self._toolbox.resume(self._brief.deadline)]
        said = ""
        for round_number in range(MAX_ROUNDS + 1):
            tools = self._toolbox.specs() if round_number < MAX_ROUNDS else ()
            completed, requests = self._ask(items, tools)
            said = completed.text.strip() or said
            if not requests or not tools:  # what was not offered is not called
                break
            self._withdraw()
            items += [completed.produced, *self._toolbox.run(requests, self._brief.deadline)]
        if not said:
            raise ModelError("the model gave no text", retryable=False)
        return Answer(said, completed.model, self._usage)

    def dispose(self) -> None:
        """Let go of the turn; the agent answers no more."""
        del self._brief, self._prompt, self._toolbox

    def _ask(self, items: Sequence[Item], tools: Sequence[ToolSpec]) -> tuple[Completed, list[ToolRequest]]:
        """One round, asked again with growing, jittered pauses after passing faults, while there is time."""
        request = self._request(items, tools)
        attempt = 0
        while True:
            try:
                return self._stream(request)
            except ModelError as error:
                self._withdraw()
                pause = error.retry_after or min(MAX_WAIT, 0.4 * 2**attempt) * random.uniform(0.7, 1.3)  # noqa: S311
                late = time.monotonic() + pause >= self._brief.deadline - 1
                if not error.retryable or attempt >= MAX_RETRIES or late:
                    raise
            attempt += 1
            self._pause(pause)

    def _request(self, items: Sequence[Item], tools: Sequence[ToolSpec]) -> ModelRequest:
        brief, fields = self._brief, self._brief.strategy.fields
        return ModelRequest(
            instructions="".join(self._prompt.pieces),
            items=tuple(items),
            tools=tuple(tools),
            deadline=brief.deadline,
            check=brief.check,
            account_id=brief.office.id,
            model=self._model_name,
            max_output_tokens=fields.max_output_tokens,
            temperature=fields.temperature,
            reasoning_effort=fields.reasoning_effort,
            end_user=self._end_user,
            variables=self._prompt.variables,
        )

    def _stream(self, request: ModelRequest) -> tuple[Completed, list[ToolRequest]]:
        requests: list[ToolRequest] = []
        for event in self._model.stream(request):
            self._brief.check()
            if time.monotonic() > request.deadline:
                raise ModelError("the answer was not complete in time")
            if isinstance(event, TextDelta):
                self._shown = True
                self._brief.show(event.text)
            elif isinstance(event, ToolRequest):
                requests.append(event)
            else:
                self._add_usage(event.usage)
                return event, requests
        raise ModelError("the model's stream broke off", retryable=True)

    def _add_usage(self, more: Usage) -> None:
        mine = self._usage
        self._usage = Usage(
            mine.input + more.input,
            mine.output + more.output,
            mine.cached + more.cached,
            mine.reasoning + more.reasoning,
        )

    def _withdraw(self) -> None:
        if self._shown:
            self._brief.withdraw()
            self._shown = False

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        nothing = threading.Event()
        while (left := until - time.monotonic()) > 0:
            self._brief.check()
            nothing.wait(min(left, 0.2))
