"""Step 7: one turn's answer, by model and tools, within one deadline."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import structlog

from receptionist.agents.breaker import Breakers, Call
from receptionist.agents.brief import Brief
from receptionist.agents.claims.honesty import Leaking, honest
from receptionist.agents.hearing import said_by_customer, without_echo
from receptionist.agents.leaks import Guard
from receptionist.agents.listening import heard
from receptionist.agents.prompt import Prompt
from receptionist.agents.provider_memory import TurnMemory
from receptionist.agents.provider_prompt import own_rules
from receptionist.agents.toolbox import Toolbox
from receptionist.agents.trace import Round
from receptionist.contracts.model import (
    Completed,
    Item,
    Memory,
    Model,
    ModelRequest,
    Said,
    StoredPrompt,
    TextDelta,
    ToolOutput,
    ToolRequest,
    ToolSpec,
)
from receptionist.errors import InputTooLong, ModelError
from receptionist.text import seconds, visible

MAX_ROUNDS = 4
"""Rounds in which the model may call tools; then it must answer without."""
MAX_RETRIES = 5
"""Times a round is asked again after passing faults: about ten seconds, unless the server asks for longer pauses."""
MAX_WAIT = 5.0
"""Longest pause before the model is asked again after a passing fault, in seconds."""
FIRST_SHARE = 0.6
"""The part of a turn's time that a model gets if another one is there to fall back to."""
NOT_OFFERED = "Not called: no tool can be called now."

log = structlog.get_logger()


class Choice(NamedTuple):
    """A model, and the vendor's name for it if the strategy says one."""

    model: Model
    name: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the agent says. `memory`: what the vendor's conversation is now, if it heard all.
    `withheld`: what the model said and must not, and so is not in the text; `why` not. `choices`: what the customer may
    choose from."""

    text: str
    model: str
    memory: Memory | None = None
    withheld: str | None = None
    choices: tuple[str, ...] = ()
    why: str | None = None


class Agent:
    """Answers one turn. Made by `AgentFactory.create_agent`; holds nothing of any other turn."""

    __slots__ = (
        "_breakers",
        "_brief",
        "_choices",
        "_disposed",
        "_end_user",
        "_heard",
        "_history",
        "_memory",
        "_prompt",
        "_shorter",
        "_shown",
        "_toolbox",
    )

    def __init__(
        self,
        brief: Brief,
        choices: Sequence[Choice],
        prompt: Prompt,
        toolbox: Toolbox,
        end_user: str,
        breakers: Breakers,
        memory: TurnMemory | None = None,
        disposed: Callable[[], None] = lambda: None,
    ) -> None:
        self._brief = brief
        self._choices = list(choices)
        self._prompt = prompt
        self._toolbox = toolbox
        self._end_user = end_user
        self._breakers = breakers
        self._memory = memory
        self._disposed = disposed
        self._shown = False
        self._heard = brief.context.heard
        self._history = brief.history
        self._shorter = brief.shorter

    def answer(self) -> Answer:
        """The reply to all that waits, of the first model that gives one; the calls of one that failed are told to the
        next, and to the same one where it is asked anew with less. Raises `ModelError` (no usable answer in time) or
        `Interrupted`."""
        note = self._toolbox.resume(self._brief.deadline)
        self._trace_shown(note)
        self._heard += said_by_customer(self._brief.history, self._brief.session)
        while True:
            try:
                return self._converse([*self._history, *note])
            except ModelError as error:
                self._withdraw()
                shortened = self._shorten(error)
                if not shortened and not self._fall_back(error):
                    raise
            note = self._toolbox.retold()
            if shortened:
                self._trace_shown(note, shortened=True)

    def _converse(self, items: list[Item]) -> Answer:
        """What one model says with its tools, held to what they did."""
        deadline, fields = self._deadline(), self._brief.strategy.fields
        completed, unmade = self._rounds(items, deadline)

        def ask_again(note: Said) -> str:
            nonlocal completed, unmade
            self._withdraw()
            self._brief.trace.withdrawn.append(completed.text)
            items.extend((completed.produced, *unmade, note))
            completed, unmade = self._rounds(items, deadline)
            return completed.text

        leaking = Leaking(lambda text: self._prompt.leaks.found(text, self._heard), fields.fallback_text)
        text, withheld, why = honest(completed.text, self._toolbox, ask_again, leaking)
        if withheld is not None:
            self._withdraw()
        unheard = withheld is not None or bool(unmade)  # a call without its output would stay in the vendor's copy
        memory = None if self._memory is None or unheard else self._memory.settled()
        choices = self._toolbox.choices if withheld is None else ()
        return Answer(text, completed.model, memory, withheld, choices, why)

    def _rounds(self, items: list[Item], deadline: float) -> tuple[Completed, list[ToolOutput]]:
        """Rounds of one model and its tools, until it says something; the last one, with what was said, and what its
        calls are to be told if it is asked again: what was not offered is not called."""
        said = ""
        for round_number in range(MAX_ROUNDS + 1):
            tools = self._toolbox.specs() if round_number < MAX_ROUNDS else ()
            with self._breakers.guard(self._call(deadline)):
                completed, requests = self._ask(items, tools, deadline)
            said = visible(completed.text) or said
            if not requests or not tools:
                break
            self._withdraw()
            with self._brief.trace.step("tools"):
                outputs = self._toolbox.run(requests, self._brief.deadline)
            self._heard += without_echo(requests, outputs)
            items += [completed.produced, *outputs]
        if not said:
            raise ModelError("the model gave no text", retryable=False)
        return replace(completed, text=said), [ToolOutput(each.call_id, each.name, NOT_OFFERED) for each in requests]

    def dispose(self) -> None:
        """Let go of the turn; the agent answers no more."""
        del self._brief, self._prompt, self._toolbox, self._memory, self._heard, self._history, self._shorter
        self._disposed()

    def _trace_shown(self, note: Sequence[Said], *, shortened: bool = False) -> None:
        self._brief.trace.show(
            [*self._history, *note],
            [message.seq for message in self._brief.messages],
            self._brief.session,
            [tool.name for tool in self._toolbox.specs()],
            "".join(self._prompt.pieces),
            shortened=shortened,
        )

    def _deadline(self) -> float:
        """Until when the model may take: the turn's deadline, or earlier so that the next one has time."""
        if len(self._choices) == 1:
            return self._brief.deadline
        now = time.monotonic()
        return now + FIRST_SHARE * (self._brief.deadline - now)

    def _shorten(self, error: ModelError) -> bool:
        """Go on with the same model, half of the history and short results of tools, once in a turn; False if another
        thing is wrong, or there is no time."""
        if not isinstance(error, InputTooLong) or self._shorter is None or time.monotonic() >= self._brief.deadline - 1:
            return False
        self._history, self._shorter, self._memory = self._shorter(), None, None
        self._toolbox.shorten()
        log.warning(
            "history_shortened",
            account=self._brief.office.id,
            conversation=self._brief.conversation_id,
            model=shown_name(self._choices[0]),
            reason=str(error),
        )
        return True

    def _fall_back(self, error: ModelError) -> bool:
        """Go on with the next model; False if there is none, or no time for it."""
        if len(self._choices) == 1 or time.monotonic() >= self._brief.deadline - 1:
            return False
        failed = self._choices.pop(0)
        self._memory = None
        if not self._choices[0].model.takes_prompts:
            self._prompt = self._prompt._replace(stored=None)
        log.warning(
            "model_fell_back",
            account=self._brief.office.id,
            conversation=self._brief.conversation_id,
            model=shown_name(failed),
            to=shown_name(self._choices[0]),
            reason=str(error),
        )
        return True

    def _call(self, deadline: float) -> Call:
        brief = self._brief
        return Call(brief.office.id, brief.strategy.id, shown_name(self._choices[0]), deadline)

    def _ask(
        self, items: Sequence[Item], tools: Sequence[ToolSpec], deadline: float
    ) -> tuple[Completed, list[ToolRequest]]:
        """One round, asked again with growing, jittered pauses after passing faults, while there is time."""
        request = self._request(items, tools, deadline)
        attempt = 0
        while True:
            try:
                return self._stream(request if self._memory is None else self._memory.fit(request))
            except ModelError as error:
                self._withdraw()
                pause = None if self._memory is None else self._memory.failed(error, deadline)
                if pause is None:
                    pause = pause_before(attempt, seconds(error.retry_after))
                    late = time.monotonic() + pause >= deadline - 1
                    if not error.retryable or attempt >= MAX_RETRIES or late:
                        raise
                    attempt += 1
            self._pause(pause)

    def _request(self, items: Sequence[Item], tools: Sequence[ToolSpec], deadline: float) -> ModelRequest:
        brief, fields = self._brief, self._brief.strategy.fields
        stored = self._stored_prompt()
        return ModelRequest(
            instructions="".join(self._prompt.pieces) if stored is None else self._own_rules(),
            items=tuple(items),
            tools=tuple(tools),
            deadline=deadline,
            check=brief.check,
            account_id=brief.office.id,
            model=self._choices[0].name,
            max_output_tokens=fields.max_output_tokens,
            temperature=fields.temperature,
            reasoning_effort=fields.reasoning_effort,
            end_user=self._end_user,
            variables=self._prompt.variables,
            prompt=stored,
            shown=brief.show is not None,
        )

    def _stored_prompt(self) -> StoredPrompt | None:
        """The prompt at the vendor, if the strategy names one. Raises `ModelError` if the model has none."""
        stored, model = self._prompt.stored, self._choices[0].model
        if stored is not None and not model.takes_prompts:
            raise ModelError(model.prompts_problem() or "the model keeps no prompts", admin=True)
        return stored

    def _own_rules(self) -> str:
        conversation = self._brief.context.conversation
        return own_rules(self._brief.strategy.fields, first_reply=bool(conversation["first_reply"]))

    def _stream(self, request: ModelRequest) -> tuple[Completed, list[ToolRequest]]:
        """One call of the model, and its place in the trace."""
        trace, one = self._brief.trace, Round(shown_name(self._choices[0]), time.monotonic())
        try:
            completed, requests = self._listen(request, one)
        except Exception as error:
            used = error.spent if isinstance(error, ModelError) else None
            if used is not None:
                trace.spend(*used)
            trace.ended(one, used and used[1], error=str(error))
            raise
        trace.ended(one, completed.usage, [each.name for each in requests])
        return completed, requests

    def _listen(self, request: ModelRequest, one: Round) -> tuple[Completed, list[ToolRequest]]:
        requests: list[ToolRequest] = []
        guard = None if self._brief.show is None else Guard(self._prompt.leaks, self._heard)
        for event in heard(self._choices[0].model, request):
            self._brief.check()
            if time.monotonic() > request.deadline:
                raise ModelError("the answer was not complete in time")
            if isinstance(event, TextDelta):
                one.text_came()
                if guard is not None:
                    self._show(guard.shows(event.text))
            elif isinstance(event, ToolRequest):
                requests.append(event)
            else:
                break
        assert isinstance(event, Completed)  # the last one always is
        self._brief.trace.spend(event.model, event.usage)
        if self._memory is not None:
            self._memory.heard(event.mark)
        if guard is not None:
            self._show(guard.rest())
        return event, requests

    def _show(self, text: str) -> None:
        if text and self._brief.show is not None:
            self._shown = True
            self._brief.show(text)

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


def pause_before(attempt: int, retry_after: float | None) -> float:
    """Seconds to wait before a model is asked again: no less than its server wants, and not as long as everybody else
    who was turned away in the same moment."""
    if retry_after:
        return retry_after * random.uniform(1.0, 1.3)  # noqa: S311 - spreads calls out
    return min(MAX_WAIT, 0.4 * 2.0**attempt) * random.uniform(0.7, 1.3)  # noqa: S311


def shown_name(choice: Choice) -> str:
    """How a model is called in traces and by breakers: "openai", or "openai/gpt-6"."""
    return "/".join(filter(None, (choice.model.name, choice.name)))
