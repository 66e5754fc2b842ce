"""The part of a conversation the model is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, Protocol

from receptionist.agents import memory
from receptionist.contracts.model import Said
from receptionist.services.conversations import stretches
from receptionist.services.conversations.sessions import SessionState

PERSON_BEGINS = Said("system", "A person of the business took over here.")
PERSON_ENDS = Said("system", "The person gave the conversation back here; you answer again.")
CHARACTERS_PER_TOKEN = 4
"""A guard, not a count: the vendor's usage says what it was."""
LEAST_TOKENS = 200
"""What is left at least of a history that is made shorter, so that a plain message stays whole."""


class Recorded(Protocol):
    """A row of `messages`, as far as history needs it."""

    @property
    def seq(self) -> int: ...

    @property
    def created_at(self) -> datetime: ...

    @property
    def direction(self) -> str: ...

    @property
    def author(self) -> str: ...

    @property
    def text(self) -> str: ...

    @property
    def attachments(self) -> Sequence[Mapping[str, Any]] | None: ...


def trimmed(
    past: Sequence[Recorded], waiting: Iterable[Recorded], session: SessionState, budget_tokens: int
) -> list[Said]:
    """The newest past messages that fit the budget, then what waits. Both oldest first; what the session holds of
    older ones, of goals and of tool calls is around the past ones; earlier calls leave them half of the room at least.

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
    before, after = memory.before(session), memory.after(_with_fitting_calls(session, room))
    room -= sum(len(note.text) for note in (*before, *after))
    fitting = len(past)
    while fitting and (room := room - len(past[fitting - 1].text)) >= 0:
        fitting -= 1
    shown = past[fitting:]
    whose = stretches.changes(session, [*shown, *waiting])
    return [*before, *_with_persons(shown, whose), *after, *reversed(now)]


def halved(
    history: Sequence[Said], past: Sequence[Recorded], waiting: Iterable[Recorded], session: SessionState, budget: int
) -> list[Said]:
    """`trimmed` anew, to half of what `history` took of its budget (tokens), and without the older half of earlier
    tool calls."""
    shown = sum(len(said.text) for said in history) // CHARACTERS_PER_TOKEN
    newer = session.calls[(len(session.calls) + 1) // 2 :]
    return trimmed(past, waiting, replace(session, calls=newer), max(LEAST_TOKENS, min(budget, shown) // 2))


def _with_fitting_calls(session: SessionState, room: int) -> SessionState:
    """The session with so many of its newest calls as take half of `room` characters at most."""
    calls = session.calls
    while calls and sum(len(text) for call in calls for text in call.values()) > room // 2:
        calls = calls[1:]
    return replace(session, calls=calls)


def _with_persons(past: Sequence[Recorded], whose: Sequence[tuple[int, bool]]) -> Iterator[Said]:
    """What was said, with a note where a person took over, and one where the agent answers again. `whose`: see
    `stretches.changes`; a message of a person, or of the agent, tells it, too."""
    person, left = False, list(whose)
    for message in past:
        steps = []
        while left and left[0][0] <= message.seq:
            steps.append(left.pop(0)[1])
        if message.direction == "out":
            steps.append(message.author == "person")
        for step in steps:
            if step is not person:
                person = step
                yield PERSON_BEGINS if person else PERSON_ENDS
        yield _said(message, len(message.text))
    for _, step in [*left, (0, False)]:
        if step is not person:
            person = step
            yield PERSON_BEGINS if person else PERSON_ENDS


def _said(message: Any, limit: int) -> Said:
    role: Literal["user", "assistant"] = "user" if message.direction == "in" else "assistant"
    text = message.text if len(message.text) <= limit else message.text[:limit] + " […]"
    files = [f"[a file that you cannot see: {each['content_type']}]" for each in message.attachments or ()]
    return Said(role, "\n".join([text, *files]).strip())
