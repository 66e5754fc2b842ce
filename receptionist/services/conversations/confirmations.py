"""Tool calls that wait for the customer's word, kept in the session; at most a few, and for a day at most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from receptionist.services.conversations.sessions import SessionState

MAX_PENDING = 5
"""Calls that wait in one conversation; the oldest is forgotten for a new one."""
MAX_AGE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Awaited:
    """A call the customer is to be asked about. `arguments` in canonical JSON; `seq` of the newest message the agent
    had seen when it was held back."""

    tool: str
    arguments: str
    seq: int

    def apply(self, state: SessionState) -> SessionState:
        """The state in which it waits, in place of an earlier one that is the same."""
        entry = {"tool": self.tool, "arguments": self.arguments, "seq": self.seq, "at": datetime.now(UTC).isoformat()}
        others = tuple(each for each in waiting(state) if not _is(each, self.tool, self.arguments))
        return replace(state, pending=(*others, entry)[-MAX_PENDING:])


@dataclass(frozen=True, slots=True)
class Settled:
    """A call that was agreed to has been made: it waits no more, whatever came of it. Without `arguments`: none of this
    tool does."""

    tool: str
    arguments: str | None = None

    def apply(self, state: SessionState) -> SessionState:
        """The state without it."""
        left = (each for each in waiting(state) if each["tool"] != self.tool or not self._means(each["arguments"]))
        return replace(state, pending=tuple(left))

    def _means(self, arguments: str) -> bool:
        return self.arguments is None or self.arguments == arguments


def waiting(state: SessionState) -> tuple[Mapping[str, Any], ...]:
    """The calls that wait and are not too old: `tool`, `arguments`, `seq`, `at`."""
    oldest = datetime.now(UTC) - MAX_AGE
    return tuple(each for each in state.pending if datetime.fromisoformat(each["at"]) > oldest)


def entry_of(state: SessionState, tool: str, arguments: str) -> Mapping[str, Any] | None:
    """The waiting entry of exactly this call, if there is one."""
    return next((each for each in waiting(state) if _is(each, tool, arguments)), None)


def _is(entry: Mapping[str, Any], tool: str, arguments: str) -> bool:
    return bool(entry["tool"] == tool and entry["arguments"] == arguments)
