"""What the `edit_*`, `veto_*` and prompt hooks look at and change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class EditableMessage:
    """An inbound message on its way into the database; `text` may be changed."""

    text: str
    kind: str
    sender: str


@dataclass(slots=True)
class Draft:
    """A reply on its way to the customer; `text` may be changed, not emptied."""

    text: str


@dataclass(frozen=True, slots=True)
class PromptContext:
    """What a turn is about, as plain values: never rows of the database."""

    account: Mapping[str, Any]
    line: Mapping[str, Any]
    lead: Mapping[str, Any]
    conversation: Mapping[str, Any]
    strategy: Mapping[str, Any]
    message: str
    """What the customer wrote in this turn."""
    goals: Sequence[Mapping[str, Any]] = ()
    """The open goals of the conversation: `id`, `kind`, `title`, `slots`."""
    heard: list[str] = field(default_factory=list)
    """In `edit_reply`: what the reply may go by besides the strategy. What the customer wrote, as far as the model was
    shown it, and what tools returned, without addresses that the model itself had put into a call."""
