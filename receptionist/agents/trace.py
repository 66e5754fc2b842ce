"""What a turn did, written down as it goes, for the person who asks why the agent said that.

Kept with the turn as plain values (`turns.trace`), while it runs only `seen_seq`, the newest message it looks at:

- `shown`: `messages` (how many, notes included), `first_seq` and `last_seq` of the messages that were shown whole,
  `notes` (the text of each: summary, earlier calls, goals), `summary_seq`, `goals` (how many), `tools` (names),
  `instructions`, and `shortened` (true) where the model refused more, so that this is what it was shown then;
- `rounds`: for each call of a model `model`, `seconds`, `first_text` (seconds until the first words), tokens (`input`,
  `cached`, `output`, `reasoning`), `calls` (tools it asked for), `error`; those of an answer that was begun anew, too;
- `steps`: seconds by step: `wait` (from the oldest message's arrival to the turn's start), `files` (of it, fetching
  what came along), `brief`, `model`, `tools`, `record` (until the turn's row is written, waiting for the database
  included). What comes after that row, `deliver`, is told by its messages, see `turns.delivered_after`;
- `withdrawn`: what was said and taken back, such as a claim that no tool backed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from receptionist.contracts.model import Said, Usage
from receptionist.services.conversations.sessions import SessionState

LONGEST = 20_000
"""Characters of the instructions that are kept."""
LONGEST_NOTES = 6000
"""The same of all notes together."""
MOST_CALLS = 100
"""Calls of one round that are kept by name; more are made by no good model, and none of them is carried out."""


@dataclass(slots=True)
class Round:
    """One call of a model."""

    model: str
    begun: float
    first_text: float | None = None

    def text_came(self) -> None:
        """The first words are there."""
        if self.first_text is None:
            self.first_text = time.monotonic() - self.begun


@dataclass(slots=True)
class Trace:
    """Collects what one turn did. Times are in seconds, rounded to milliseconds."""

    shown: dict[str, Any] = field(default_factory=dict)
    rounds: list[dict[str, Any]] = field(default_factory=list)
    steps: dict[str, float] = field(default_factory=dict)
    withdrawn: list[str] = field(default_factory=list)
    spent: dict[str, Usage] = field(default_factory=dict)
    """By the vendor's name of the model; also of rounds whose answer was never said. Not among the plain values."""

    def show(
        self,
        items: Sequence[Said],
        seqs: Sequence[int],
        session: SessionState,
        tools: Sequence[str],
        instructions: str,
        *,
        shortened: bool = False,
    ) -> None:
        """What the model is given before it says anything. `seqs`: of all messages that could be shown, in order; the
        newest are."""
        whole = sum(item.role != "system" for item in items)
        seen = seqs[-whole:] if whole else ()
        self.shown = {
            "messages": len(items),
            "first_seq": seen[0] if seen else None,
            "last_seq": seen[-1] if seen else None,
            "notes": _bounded([item.text for item in items if item.role == "system"]),
            "summary_seq": session.summary_seq,
            "goals": len(session.open_goals),
            "tools": list(tools),
            "instructions": instructions[:LONGEST],
            **({"shortened": True} if shortened else {}),
        }

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Count the time of what happens inside under this name."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.took(name, time.monotonic() - begun)

    def took(self, name: str, seconds: float) -> None:
        """Add so many seconds to a step."""
        self.steps[name] = round(self.steps.get(name, 0.0) + seconds, 3)

    def ended(self, one: Round, usage: Usage | None, calls: Sequence[str] = (), error: str = "") -> None:
        """A model's call is over, well or badly."""
        seconds = time.monotonic() - one.begun
        self.took("model", seconds)
        entry: dict[str, Any] = {"model": one.model, "seconds": round(seconds, 3)}
        if one.first_text is not None:
            entry["first_text"] = round(one.first_text, 3)
        if usage is not None:
            tokens = {"input": usage.input, "cached": usage.cached, "output": usage.output}
            entry |= tokens | {"reasoning": usage.reasoning}
        if calls:
            entry["calls"] = [name[:64] for name in calls[:MOST_CALLS]]
        if error:
            entry["error"] = error[:300]
        self.rounds.append(entry)

    def spend(self, model: str, usage: Usage) -> None:
        """A round is over, and used this much."""
        self.spent[model] = self.spent.get(model, Usage()).plus(usage)

    def plain(self) -> dict[str, Any] | None:
        """The trace as plain values; None if nothing was done."""
        found = {"shown": self.shown, "rounds": self.rounds, "steps": self.steps, "withdrawn": self.withdrawn}
        return {name: value for name, value in found.items() if value} or None


def _bounded(notes: Sequence[str]) -> list[str]:
    """The notes, the last of them cut where all together are too long."""
    kept, room = [], LONGEST_NOTES
    for note in notes:
        if room <= 0:
            break
        kept.append(note[:room])
        room -= len(note)
    return kept
