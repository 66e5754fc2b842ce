"""Trying a strategy before it answers anybody: what it would tell its model, and a talk in which nothing is changed."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from receptionist.agents.agent import Answer
from receptionist.agents.brief import NO_SESSION, Brief, made_up_lead, prompt_context
from receptionist.agents.choices import numbered
from receptionist.agents.claims.backing import Earlier
from receptionist.agents.edited import edited
from receptionist.agents.factory import AgentFactory
from receptionist.agents.history import halved, trimmed
from receptionist.agents.memory import goal_values
from receptionist.agents.prompt import Prompt
from receptionist.contracts.edits import PromptContext
from receptionist.contracts.strategy import StrategyFields
from receptionist.localtime import local_now
from receptionist.parts import Parts
from receptionist.services.directory import Office, PublishedStrategy
from receptionist.services.strategies.next_turn import NextTurn
from receptionist.text import storable

MADE_UP_LINE: Mapping[str, Any] = {"title": "Rehearsal", "channel": "webchat"}

_versions = itertools.count(-1, -1)
"""Made-up ids of versions, so that what is compiled for one rehearsal is not taken for another's."""


def unpublished(strategy_id: int, name: str, number: int, fields: StrategyFields) -> PublishedStrategy:
    """Any fields as if they were the published version `number`."""
    return PublishedStrategy(next(_versions), number, strategy_id, name, fields, fields.model_dump(mode="json"))


def prompt_of(
    factory: AgentFactory,
    office: Office,
    strategy: PublishedStrategy,
    line: Mapping[str, Any] = MADE_UP_LINE,
    turn: NextTurn | None = None,
) -> Prompt:
    """What the model would be told now in this turn on this line; None: the first of somebody unknown.

    Raises `TemplateError`."""
    if turn is None:
        turn = NextTurn(None, made_up_lead(), {"id": 0, "first_reply": True, "interaction_count": 1}, "", NO_SESSION)
    goals = goal_values(turn.session)
    context = prompt_context(office, strategy, line, turn.lead, turn.conversation, turn.message, goals)
    return factory.prompt(strategy, context, local_now(strategy.fields.timezone or office.timezone))


@dataclass(frozen=True, slots=True)
class _Line:
    """A message of the talk, as `trimmed` needs it."""

    direction: str
    text: str
    author: str = "agent"
    seq: int = 0
    choices: Sequence[str] | None = None
    created_at: datetime = datetime.min
    sent_at: datetime | None = None
    attachments: Sequence[Mapping[str, Any]] | None = None


class _NoLedger:
    """Keeps no tool calls: there is no turn they could belong to."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._names: dict[int, str] = {}
        self._done: set[str] = set()

    def past(self) -> Sequence[Any]:
        return ()

    def begin(self, name: str, arguments: str) -> int:
        number = next(self._numbers)
        self._names[number] = name
        return number

    def finish(self, call: int, state: str, result: str, changes: Sequence[Any] = ()) -> None:
        """Changes go nowhere."""
        if state == "done":
            self._done.add(self._names[call])

    def key(self, call: int) -> str:
        return f"rehearsal-{call}"

    def before(self) -> Earlier:
        return Earlier(frozenset(self._done))


class Rehearsal:
    """A talk between somebody made up and a strategy: real model, real tools, but tools that write are not called,
    and no row of the account changes.

    `called` is told of every tool call: name, arguments, and what the model gets to read. Hooks that look at a turn
    (`prompt_variables`, `veto_answer`, `veto_tool_call`, `edit_reply`) run as they do for customers.
    """

    def __init__(
        self,
        parts: Parts,
        factory: AgentFactory,
        office: Office,
        strategy: PublishedStrategy,
        called: Callable[[str, str, str], None],
        line: Mapping[str, Any] = MADE_UP_LINE,
    ) -> None:
        self._parts, self._factory, self._office, self._strategy = parts, factory, office, strategy
        self._called, self._line = called, line
        self._lead = made_up_lead()
        self._said: list[_Line] = []
        self._ledger = _NoLedger()

    def say(self, text: str) -> str:
        """The reply to a message; empty where a plugin wants none. Raises `ModelError` or an `AdminError` where a
        customer would get the apology; the message then counts as not said."""
        said = _Line("in", storable(text))
        context = self._context(said.text)
        if self._parts.plugins.silence(context) is not None:
            return ""
        answer = self._ask(context, said)
        reply = edited(self._parts.plugins, answer.text, context)
        if answer.choices:
            reply = numbered(reply, answer.choices)
        self._said += [said, _Line("out", reply)]
        return reply

    def _context(self, message: str) -> PromptContext:
        inbound = sum(line.direction == "in" for line in self._said)
        conversation = {"id": 0, "first_reply": not self._said, "interaction_count": inbound + 1}
        return prompt_context(self._office, self._strategy, self._line, self._lead, conversation, message)

    def _ask(self, context: PromptContext, said: _Line) -> Answer:
        budget = self._parts.settings.history_tokens
        history = trimmed(self._said, [said], NO_SESSION, budget)
        brief = Brief(
            office=self._office,
            strategy=self._strategy,
            context=context,
            lead=self._lead,
            conversation_id=0,
            history=history,
            deadline=time.monotonic() + self._parts.settings.turn_seconds,
            check=lambda: None,
            show=None,
            withdraw=lambda: None,
            called=self._called,
            messages=tuple(self._said),
            shorter=lambda: halved(history, self._said, [said], NO_SESSION, budget),
        )
        agent = self._factory.create_agent(brief, self._ledger, rehearsing=True)
        try:
            return agent.answer()
        finally:
            agent.dispose()
