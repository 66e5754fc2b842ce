"""The part of a conversation the model is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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

    @property
    def attachments(self) -> Sequence[Mapping[str, Any]] | None: ...


def trimmed(past: Sequence[Recorded], waiting: Iterable[Recorded], budget_tokens: int) -> list[Said]:
    """The newest past messages that fit the budget, then what waits. Both oldest first.

    What waits comes first in the budget, the newest first and the last one cut to it, so that neither a giant
    message nor a backlog can push the model over its window; what does not fit is named by its number.
    """
    room = budget_tokens * CHARACTERS_PER_TOKEN
    waiting = list(waiting)
    now: list[Said] = []
    for message in reversed(waiting):
        if room <= 0:
            now.append(Said("system", f"{len(waiting) - len(now)} earlier unanswered messages are not shown."))
            break
        now.append(_said(message, room))
        room -= len(now[-1].text)
    kept: list[Said] = []
    for message in reversed(past):
        room -= len(message.text)
        if room < 0:
            break
        kept.append(_said(message, len(message.text)))
    return [*reversed(kept), *reversed(now)]


def _said(message: Any, limit: int) -> Said:
    role: Literal["user", "assistant"] = "user" if message.direction == "in" else "assistant"
    text = message.text if len(message.text) <= limit else message.text[:limit] + " […]"
    files = [f"[a file that you cannot see: {each['content_type']}]" for each in message.attachments or ()]
    return Said(role, "\n".join([text, *files]).strip())
