"""What an agent is told about one turn; plain values, nothing shared with another turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from receptionist.contracts.edits import PromptContext
from receptionist.contracts.model import Said
from receptionist.services.directory import Office, PublishedStrategy


@dataclass(frozen=True, slots=True)
class Brief:
    """One turn: whose, on which strategy, what was said before, and what waits for an answer.

    `deadline` is a reading of `time.monotonic()`. `check` raises `Interrupted` when the answer is not wanted
    any more. `show` passes a piece of the answer on to who watches; `withdraw` takes back all that was shown.
    """

    office: Office
    strategy: PublishedStrategy
    context: PromptContext
    lead: dict[str, Any]
    conversation_id: int
    history: Sequence[Said]
    deadline: float
    check: Callable[[], None]
    show: Callable[[str], None]
    withdraw: Callable[[], None]


def prompt_context(
    office: Office,
    strategy: PublishedStrategy,
    line: Mapping[str, Any],
    lead: Mapping[str, Any],
    conversation: Mapping[str, Any],
    message: str,
) -> PromptContext:
    """The turn as hooks and templates see it."""
    account = {"id": office.id, "name": office.name, "timezone": office.timezone, "country": office.country}
    return PromptContext(account, line, lead, conversation, strategy.plain, message)
