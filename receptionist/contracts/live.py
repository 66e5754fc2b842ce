"""What a customer's client shows: recorded messages, and what is going on right now."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class TranscriptMessage:
    """One recorded message as the customer may see it. `id` grows along the transcript: use it as a cursor."""

    id: int
    direction: Literal["in", "out"]
    text: str
    at: datetime
    provider_message_id: str | None = None
    turn: int | None = None
    """The `turn` of the live events that this reply belongs to; no id of a turn, for they begin before it has one."""
    author: str = ""
    choices: tuple[str, ...] = ()
    """Short answers the customer may choose from, while nothing newer was said."""


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """Something a customer's client may show at once.

    `type`: "message" (recorded; `data["id"]` is its cursor), "typing", "delta" (`text` to append at `offset`
    characters of the reply of `turn`), "reset" (forget the partial reply of `turn`) or "sync" (events may have
    been missed: read the transcript after your cursor).
    """

    type: Literal["message", "typing", "delta", "reset", "sync"]
    data: dict[str, Any] = field(default_factory=dict)
