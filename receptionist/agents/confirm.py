"""Calls that are made only after the customer agreed, in a message written after the question went out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from pydantic_core import to_jsonable_python

from receptionist.agents.assent import is_assent
from receptionist.agents.choices import meant
from receptionist.agents.refusal import is_refusal
from receptionist.contracts.tool import Tool
from receptionist.services.conversations import confirmations
from receptionist.services.conversations.confirmations import Awaited
from receptionist.services.conversations.sessions import SessionState

MAX_ARGUMENTS = 2000
"""Characters of arguments that a customer can be asked about."""
MAX_VALUE = 300
"""Characters of one argument in the question."""


class Heard(Protocol):
    """A row of `messages`, as far as agreement needs it."""

    @property
    def seq(self) -> int: ...

    @property
    def direction(self) -> str: ...

    @property
    def author(self) -> str: ...

    @property
    def text(self) -> str: ...

    @property
    def choices(self) -> Sequence[str] | None: ...

    @property
    def created_at(self) -> datetime: ...

    @property
    def sent_at(self) -> datetime | None: ...


def canonical(arguments: Mapping[str, Any]) -> str:
    """Checked arguments as JSON, the same for the same call however a model wrote it."""
    return json.dumps(to_jsonable_python(arguments), sort_keys=True, ensure_ascii=False)


def agreed(state: SessionState, tool: str, arguments: str, messages: Sequence[Heard]) -> bool:
    """Whether this very call was asked about, and the customer said yes after that and never no.

    `messages`: what was said and what waits, in the order of `seq`. A message the customer wrote before the question
    went out, such as one that came while it was being written, is no answer to it; nor is one that came later, but was
    sent before, as its vendor says.
    """
    entry = confirmations.entry_of(state, tool, arguments)
    if entry is None:
        return False
    asked = next((each for each in messages if each.author == "agent" and each.seq > entry["seq"]), None)
    if asked is None:
        return False
    answers = _answers([each for each in messages if each.seq >= asked.seq])
    said_yes = any(is_assent(text, arguments) for each, text in answers if not _sent_before(each, asked))
    return said_yes and not any(is_refusal(text) for _, text in answers)


def _answers(messages: Sequence[Heard]) -> list[tuple[Heard, str]]:
    """What the customer wrote; a choice instead of its number."""
    answers: list[tuple[Heard, str]] = []
    offered: Sequence[str] = ()
    for each in messages:
        if each.direction == "in":
            answers.append((each, meant(each.text, offered)))
        else:
            offered = each.choices or ()
    return answers


def _sent_before(message: Heard, asked: Heard) -> bool:
    """Whether a message is older than the question; by whole seconds, as vendors tell no parts of one."""
    out = asked.sent_at or asked.created_at
    return message.sent_at is not None and message.sent_at < out.replace(microsecond=0)


def awaited(tool: str, arguments: str, messages: Sequence[Heard]) -> Awaited:
    """The call as it waits for the customer's word."""
    return Awaited(tool, arguments, max((each.seq for each in messages), default=0))


def question(tool: Tool, arguments: Mapping[str, Any]) -> str:
    """What the model is told instead of a result."""
    what = (tool.confirm or "").format_map({name: str(value)[:MAX_VALUE] for name, value in arguments.items()})
    return (
        f"Not done yet: ask the customer to confirm: {what}. Say plainly that it is not done. Only when they agreed, "
        f"in their next message, call {tool.name} again with exactly the same arguments."
    )
