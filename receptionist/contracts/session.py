"""What a conversation is about between its turns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

GoalKind = Literal["booking", "qualification", "question", "request"]


@dataclass(frozen=True, slots=True)
class Goal:
    """Something the customer wants and has not got yet, such as a booking of which the day is known and not the time.

    `id` is "g1", "g2" … within its conversation. `slots`: what is known for it, by name. A closed one is `done` or
    `dropped`, and `outcome` says in a sentence what became of it. `changed_at`: ISO 8601, UTC.
    """

    id: str
    kind: GoalKind
    title: str
    slots: Mapping[str, str] = field(default_factory=dict)
    state: Literal["open", "done", "dropped"] = "open"
    outcome: str = ""
    changed_at: str = ""
