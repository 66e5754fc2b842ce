"""Whether a customer is a machine that answers our answers, judged by what was said before.

What counts goes back from the message that waits to where the agent was or fell silent last. So the count begins anew
when a person hands the conversation back, or after the hour of silence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from receptionist.db import AnyRow

GUARD = "the loop guard"
"""Who has a conversation in which two machines seem to talk."""
SILENT = timedelta(hours=1)
"""How long the agent is silent then, unless a person hands the conversation back."""
WITHIN = timedelta(minutes=10)
"""In this time there are too many quick answers."""
LOOKED_AT = 700
"""Messages at most that are looked at behind a summary: sixty exchanges, each with the longest reply."""
QUICK = timedelta(seconds=15)
"""Nobody reads an answer and writes the next message as fast as this twenty times in a row; machines do."""
REPEATS = 4
"""So often one text, or two texts by turns, come from machines: out-of-office replies, receipts."""
REPEATS_WITHIN = timedelta(hours=1)
SHORTEST = 20
"""Letters of a text that is not just said again and again: "yes", "ok, thank you"."""

MACHINES = "two machines seem to talk"
"""How the reason begins, for an admin."""

_GAPS = re.compile(r"[\W_]+")


class _Exchange(NamedTuple):
    """What the customer wrote between two replies, and the reply before it, if there is one."""

    said: Sequence[AnyRow]
    reply: AnyRow | None

    @property
    def at(self) -> datetime:
        return self.said[-1].created_at  # type: ignore[no-any-return]

    @property
    def quick(self) -> bool:
        return self.reply is not None and self.said[0].created_at - self.reply.created_at <= QUICK

    @property
    def text(self) -> str:
        """The letters and digits, in small letters: what differs in nothing else is the same text."""
        text = " ".join(row.text for row in self.said)
        return _GAPS.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def suspicion(
    waiting: Sequence[AnyRow],
    past: Sequence[AnyRow],
    loop_turns: int | None,
    earlier: Callable[[datetime], Sequence[AnyRow]],
) -> str | None:
    """Why the customer seems to be a machine, for an admin; None if nothing speaks for it, or `loop_turns` is None.

    `waiting` and `past` are messages as in `look.View`; `earlier` gives those before them from a moment on. It is asked
    only where all of `past` was quick and a summary, or the window, may hide more of it."""
    if loop_turns is None or not waiting or any(row.replays for row in waiting):  # those a person wants answered
        return None
    exchanges = _exchanges(waiting, past, max(loop_turns, REPEATS))
    if past and past[0].seq > 1 and len(exchanges) <= loop_turns and all(each.quick for each in exchanges[:-1]):
        exchanges = _exchanges(waiting, [*earlier(exchanges[0].at - WITHIN), *past], max(loop_turns, REPEATS))
    if _quick(exchanges, loop_turns):
        return f"{MACHINES}: {loop_turns} messages within {QUICK.seconds} seconds of our answer each"
    if _repeats(exchanges):
        return f"{MACHINES}: the same messages come again and again"
    return None


def _exchanges(waiting: Sequence[AnyRow], past: Sequence[AnyRow], most: int) -> list[_Exchange]:
    """The newest first, from what waits back to where the agent did not answer."""
    said = list(waiting)
    found: list[_Exchange] = []
    for row in reversed(past):
        by_person = row.direction == "out" and row.author != "agent"
        if by_person or (row.direction == "in" and _counted(row)) or len(found) == most:
            break
        if row.direction == "in":
            said.insert(0, row)
        elif said:
            found.append(_Exchange(said, row))
            said = []
    if said and len(found) < most:
        found.append(_Exchange(said, None))
    return found


def _counted(row: AnyRow) -> bool:
    """Whether the agent was silent here, or fell silent, or a person looked: what came before counts no more."""
    return row.state == "silent" or row.replays > 0 or (row.error or "").startswith(MACHINES)


def _quick(exchanges: Sequence[_Exchange], count: int) -> bool:
    """Whether each of the last `count` messages came at once after our answer, all within ten minutes."""
    last = exchanges[:count]
    soon = len(last) == count and last[0].at - last[-1].at <= WITHIN
    return soon and all(each.quick for each in last)


def _repeats(exchanges: Sequence[_Exchange]) -> bool:
    """Whether the last messages were all the same, or two by turns."""
    last = exchanges[:REPEATS]
    if len(last) < REPEATS or last[0].at - last[-1].at > REPEATS_WITHIN:
        return False
    texts = [each.text for each in last]
    return texts[2:] == texts[:-2] and all(len(text) >= SHORTEST for text in texts)
