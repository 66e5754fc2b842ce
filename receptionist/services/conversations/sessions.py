"""Sessions: goals, tool calls and the summary that a conversation keeps between its turns.

A writer reads the row under a lock, applies its change to what is there now, and names the version it read: two
writers never overwrite each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from receptionist.contracts.session import Goal, GoalKind
from receptionist.db import Scope, db_now, prepared
from receptionist.errors import ToolError, Unavailable
from receptionist.models import Session, table

MAX_OPEN = 8
"""Open goals of a conversation."""
MAX_CLOSED = 10
"""Closed goals that are kept."""
MAX_SLOTS = 20
MAX_GOAL = 2000
"""Characters of a goal's slots together: the model is shown all of them with each turn, besides what was said."""
MAX_CALLS = 12
"""Earlier tool calls that are kept for the model."""
MAX_SHOWN = 400
"""Characters of an earlier tool call's result, or of its arguments, that are kept for the model."""


@dataclass(frozen=True, slots=True)
class SessionState:
    """One version of a session; 0 is that of a conversation that has none."""

    version: int = 0
    goals: tuple[Goal, ...] = ()
    calls: tuple[Mapping[str, str], ...] = ()
    pending: tuple[Mapping[str, Any], ...] = ()
    summary: str = ""
    summary_seq: int = 0
    persons: tuple[Mapping[str, Any], ...] = ()
    """When persons had the conversation; see `services.stretches`."""

    @property
    def open_goals(self) -> list[Goal]:
        """What is not closed, the oldest first."""
        return [goal for goal in self.goals if goal.state == "open"]


@dataclass(frozen=True, slots=True)
class GoalSet:
    """Open a goal, or with `goal_id` add to one."""

    kind: GoalKind
    title: str
    slots: Mapping[str, str]
    goal_id: str | None = None

    def apply(self, state: SessionState) -> SessionState:
        """The state with the goal. Raises `ToolError`: too many, or no such goal."""
        slots = {name[:40]: value[:300] for name, value in self.slots.items() if value}
        known = next((goal for goal in state.open_goals if goal.id == self.goal_id), None)
        if self.goal_id is not None and known is None:
            raise ToolError(f"There is no open goal {self.goal_id[:20]!r}; open ones: {_ids(state)}.")
        if known is not None:
            merged = {**known.slots, **slots}
            goal = replace(known, kind=self.kind, title=self.title[:120], slots=merged, changed_at=_now())
        else:
            goal = Goal(_next_id(state), self.kind, self.title[:120], slots, changed_at=_now())
        if len(goal.slots) > MAX_SLOTS:
            raise ToolError(f"A goal takes {MAX_SLOTS} slots; leave the less important ones out.")
        if sum(len(name) + len(value) for name, value in goal.slots.items()) > MAX_GOAL:
            raise ToolError(f"The slots of a goal take {MAX_GOAL} characters together; say it in fewer words.")
        goals = (*(each for each in state.goals if each.id != goal.id), goal)
        if sum(each.state == "open" for each in goals) > MAX_OPEN:
            raise ToolError(f"There are {MAX_OPEN} open goals; close one first: {_ids(state)}.")
        return replace(state, goals=goals)


@dataclass(frozen=True, slots=True)
class GoalClosed:
    """Close a goal with what became of it."""

    goal_id: str
    done: bool
    outcome: str

    def apply(self, state: SessionState) -> SessionState:
        """The state with the goal closed; the oldest closed ones are dropped. Raises `ToolError`: no such goal."""
        known = next((goal for goal in state.open_goals if goal.id == self.goal_id), None)
        if known is None:
            raise ToolError(f"There is no open goal {self.goal_id[:20]!r}; open ones: {_ids(state)}.")
        ended: Literal["done", "dropped"] = "done" if self.done else "dropped"
        closed = replace(known, state=ended, outcome=self.outcome[:300], changed_at=_now())
        past = [goal for goal in state.goals if goal.state != "open"][-(MAX_CLOSED - 1) :]
        return replace(state, goals=(*past, closed, *(goal for goal in state.open_goals if goal.id != known.id)))


GoalChange = GoalSet | GoalClosed

_sessions = table(Session)
GET = prepared(
    sa.select(_sessions).where(_sessions.c.conversation_id == sa.bindparam("b_conversation")).with_for_update(),
    _sessions,
)
READ = prepared(sa.select(_sessions).where(_sessions.c.conversation_id == sa.bindparam("b_conversation")), _sessions)


def load(scope: Scope, conversation_id: int, *, lock: bool = False) -> SessionState:
    """The session as it is now; `lock`: nobody else changes it before the transaction ends."""
    row = scope.execute(GET if lock else READ, b_conversation=conversation_id).first()
    if row is None:
        return SessionState()
    goals = tuple(Goal(**goal) for goal in row.goals)
    rest = (tuple(row.calls), tuple(row.pending), row.summary, row.summary_seq, tuple(row.persons))
    return SessionState(row.version, goals, *rest)


def version(scope: Scope, conversation_id: int) -> int | None:
    """The session's version as it is now; None if the conversation has none."""
    which = Session.conversation_id == conversation_id
    return scope.connection.execute(scope.select(Session, Session.version).where(which)).scalar()


def change(scope: Scope, conversation_id: int, apply: Callable[[SessionState], SessionState]) -> SessionState:
    """Change the session as it is now; returns what it is then.

    `apply` is asked twice where another writer began the session meanwhile. Raises what it raises, or `Unavailable` if
    another writer was quicker: begin the transaction anew."""
    before = load(scope, conversation_id, lock=True)
    after = apply(before)
    if before.version == 0:
        if _begun(scope, conversation_id, after):
            return replace(after, version=1)
        before = load(scope, conversation_id, lock=True)
        after = apply(before)
    which = (Session.conversation_id == conversation_id, Session.version == before.version)
    if not scope.run(scope.update(Session).where(*which).values(**_values(after, before.version + 1))):
        raise Unavailable("The session was changed by another writer just now; please try again.")
    return replace(after, version=before.version + 1)


def _begun(scope: Scope, conversation_id: int, state: SessionState) -> bool:
    """Store the first version; False if somebody else did just now."""
    try:
        with scope.connection.begin_nested():
            scope.insert(Session, conversation_id=conversation_id, **_values(state, 1))
    except IntegrityError:
        return False
    return True


def _values(state: SessionState, version: int) -> dict[str, Any]:
    return {
        "goals": [asdict(goal) for goal in state.goals],
        "calls": list(state.calls),
        "pending": list(state.pending),
        "persons": list(state.persons),
        "summary": state.summary,
        "summary_seq": state.summary_seq,
        "version": version,
        "updated_at": db_now(),
    }


def with_call(state: SessionState, name: str, arguments: str, result: str) -> SessionState:
    """The state with one more tool call for the model to remember."""
    call = {"name": name, "arguments": _short(arguments), "result": _short(result)}
    return replace(state, calls=(*state.calls, call)[-MAX_CALLS:])


def goals_only(state: SessionState) -> SessionState:
    """The state for a model whose vendor remembers the rest."""
    return SessionState(state.version, state.goals, persons=state.persons)


def with_summary(state: SessionState, summary: str, seq: int) -> SessionState:
    """The state with a summary of all messages up to `seq`."""
    return replace(state, summary=summary, summary_seq=seq)


def look_again(scope: Scope, conversation_id: int, seq: int) -> None:
    """Have what was said from the message `seq` on shown whole until it is summarised anew: somebody is to work on that
    message, and what is summarised is not looked at."""
    if load(scope, conversation_id).summary_seq >= seq:
        change(scope, conversation_id, lambda state: replace(state, summary_seq=min(state.summary_seq, seq - 1)))


def _short(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + " […]"


def _ids(state: SessionState) -> str:
    return ", ".join(f"{goal.id} ({goal.title})" for goal in state.open_goals) or "none"


def _next_id(state: SessionState) -> str:
    return f"g{max((int(goal.id[1:]) for goal in state.goals), default=0) + 1}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
