"""The part of a conversation the model is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, Protocol

from receptionist.contracts.model import Said

CHARACTERS_PER_TOKEN = 4
"""A guard, not a count: the vendor's usage says what it was."""


class Recorded(Protocol):
    """A row of `messages`, as far as history needs it."""

    @property
    def direction(self) -> str: ...

    @property
    def text(self) -> str: ...


def trimmed(past: Sequence[Recorded], waiting: Iterable[Recorded], budget_tokens: int) -> list[Said]:
    """The newest past messages that fit the budget, then all that waits. Both oldest first.

    What waits is always shown, each message cut to the budget at most, so that one giant message cannot push
    the model over its window.
    """
    room = budget_tokens * CHARACTERS_PER_TOKEN
    now = [_said(message, room) for message in waiting]
    room -= sum(len(said.text) for said in now)
    kept: list[Said] = []
    for message in reversed(past):
        room -= len(message.text)
        if room < 0:
            break
        kept.append(_said(message, len(message.text)))
    return [*reversed(kept), *now]


def _said(message: Any, limit: int) -> Said:
    role: Literal["user", "assistant"] = "user" if message.direction == "in" else "assistant"
    text = message.text if len(message.text) <= limit else message.text[:limit] + " […]"
    return Said(role, text)
