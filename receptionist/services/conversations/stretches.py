"""When persons had a conversation, kept in its session: the agent is to know it, also where they wrote nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from receptionist.services.conversations.sessions import SessionState

KEPT = 5
"""Stretches that are kept of a conversation, the newest ones."""


class Numbered(Protocol):
    """A row of `messages`, as far as it is needed here."""

    @property
    def seq(self) -> int: ...

    @property
    def created_at(self) -> datetime: ...


def taken(state: SessionState, seq: int, minutes: int, *, shorten: bool = True) -> SessionState:
    """The state once a person has the conversation for so many minutes, from the message `seq` on; without `shorten`
    for longer, where somebody has it for longer already."""
    now = datetime.now(UTC)
    until = now + timedelta(minutes=minutes)
    earlier = state.persons
    if not earlier or _over(earlier[-1], now):
        return taken_until(state, seq, until)
    if not shorten:
        until = max(until, _until(earlier[-1]))
    return replace(state, persons=(*earlier[:-1], {**earlier[-1], "until": until.isoformat()}))


def taken_until(state: SessionState, seq: int, until: datetime) -> SessionState:
    """The state with one more time that a person has the conversation, from the message `seq` on until then."""
    return replace(state, persons=(*state.persons, {"first": seq, "last": None, "until": until.isoformat()})[-KEPT:])


def given_back(state: SessionState, seq: int) -> SessionState:
    """The state once the person gave it back, before the message `seq`; where their time ran out before, it was back
    then."""
    if not state.persons or _over(state.persons[-1], datetime.now(UTC)):
        return state
    return replace(state, persons=(*state.persons[:-1], {**state.persons[-1], "last": seq}))


def changes(state: SessionState, rows: Sequence[Numbered]) -> list[tuple[int, bool]]:
    """Where persons took over (True) and were gone again among `rows`: before the message of that `seq`, in order.

    What was over before the first of the rows is left out."""
    begin = rows[0].seq if rows else state.summary_seq + 1
    found: list[tuple[int, bool]] = []
    for stretch in state.persons:
        last = _last(stretch, rows)
        if last is None or last > begin:
            found.append((max(stretch["first"], begin), True))
            found += [] if last is None else [(last, False)]
    return found


def after(state: SessionState, seq: int) -> Iterator[Mapping[str, Any]]:
    """The stretches that were not over when the message `seq` was written."""
    return (each for each in state.persons if each["last"] is None or each["last"] > seq + 1)


def _last(stretch: Mapping[str, Any], rows: Sequence[Numbered]) -> int | None:
    """The first message that the person had no more; None: they have the conversation, or it is the next one."""
    if stretch["last"] is not None:
        return int(stretch["last"])
    until = _until(stretch)
    return next((row.seq for row in rows if row.seq >= stretch["first"] and row.created_at > until), None)


def _over(stretch: Mapping[str, Any], now: datetime) -> bool:
    return stretch["last"] is not None or _until(stretch) <= now


def _until(stretch: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(stretch["until"])
