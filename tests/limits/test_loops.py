"""A machine that answers our answers is noticed; people who are quick or say little are not taken for one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from receptionist import PersonRequested
from receptionist.db import Scope
from receptionist.pipeline.loops import suspicion
from receptionist.services.conversations import handover, sessions
from tests.harness.house import House
from tests.limits.support import FALLBACK, events, failed, limit, replay

BEGIN = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
RECEIPT = "We have received your message and will answer soon."
Talk = tuple[list[Any], list[Any]]
AWAY = "I am out of the office until Monday."


def talk(texts: Sequence[str], *, pause: float, author: str = "agent", state: str = "answered") -> Talk:
    """What waits and what was said before: the customer writes each text so many seconds after our answer."""
    rows: list[Any] = []
    at = BEGIN
    for text in texts:
        at += timedelta(seconds=pause)
        rows.append(_row(direction="in", author="lead", text=text, state=state, created_at=at))
        at += timedelta(seconds=1)
        rows.append(_row(direction="out", author=author, text="Yes.", state="sent", created_at=at))
    return rows[-2:-1], rows[:-2]


def _row(**values: Any) -> Any:
    return SimpleNamespace(error=None, replays=0, seq=1, **values)


def nothing(since: datetime) -> list[Any]:
    """What was said before all that is looked at."""
    return []


def different(count: int) -> list[str]:
    """So many texts, all different."""
    return [f"This is what I say as number {number}." for number in range(count)]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (talk(different(21), pause=2), True),
        (talk(different(20), pause=2), False),
        (talk(different(60), pause=20), False),  # somebody who types fast, for half an hour
        (talk(different(60), pause=2, author="person"), False),
        (talk(different(60), pause=2, state="silent"), False),
        (talk([RECEIPT] * 4, pause=40), True),
        (talk(["Hello, I have a question.", *[RECEIPT] * 4], pause=40), True),
        (talk([RECEIPT] * 3, pause=40), False),
        (talk([RECEIPT, RECEIPT.upper() + "!!", f"  {RECEIPT}\n", RECEIPT], pause=40), True),
        (talk([RECEIPT, AWAY] * 2, pause=40), True),
        (talk([RECEIPT, AWAY, RECEIPT], pause=40), False),
        (talk([RECEIPT, AWAY, RECEIPT, "Is the shop open on Friday?"], pause=40), False),
        (talk([RECEIPT] * 4, pause=1300), False),  # over more than an hour
        (talk(["yes"] * 12, pause=5), False),  # a booking, step by step
        (talk(["Ok, thank you", "yes please"] * 6, pause=5), False),
        (talk([f"I would like to come on the {day}th at noon" for day in range(4, 12)], pause=5), False),
    ],
)
def test_who_seems_to_be_a_machine(said: Talk, expected: bool) -> None:
    assert (suspicion(*said, 20, nothing) is not None) == expected
    assert suspicion(*said, None, nothing) is None


def test_two_machines_are_stopped_and_a_person_lets_them_go_on(counted: House) -> None:
    limit(counted, loop_turns=5)
    machine, neighbour = counted.visitor(), counted.visitor()
    for text in different(6):
        machine.send(text)
        counted.drain()
    assert machine.replies()[5:] == [FALLBACK], "the first message answers nothing; then five at once after our answer"
    machine.send("And I go on.")
    counted.drain()
    assert len(machine.replies()) == 6, "said once"
    assert neighbour.say("Are you free?") == "About Are you free?"
    [asked] = events(counted, PersonRequested)
    assert asked.reason == "two machines seem to talk: 5 messages within 15 seconds of our answer each"
    rows = counted.sql("SELECT state, error FROM messages WHERE state IN ('failed', 'silent') ORDER BY id")
    assert [tuple(row) for row in rows] == [("failed", asked.reason), ("silent", "a person has the conversation")]
    [row] = counted.sql("SELECT person, person_reason, person_due_at FROM conversations WHERE person IS NOT NULL")
    assert tuple(row) == ("the loop guard", asked.reason, None)
    with counted.parts.database.begin() as connection:
        handover.hand_back(Scope(connection, 1), asked.conversation_id)
    assert machine.say("I am back.") == "About I am back."


@pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize(("loop_turns", "kept"), [(20, 10), (55, 200)])
def test_what_was_summarised_or_is_far_back_counts(counted: House, loop_turns: int, kept: int) -> None:
    """A talkative machine is summarised, as anybody is: that must not hide it."""
    limit(counted, loop_turns=loop_turns)
    machine = counted.texter("blind")
    for number, text in enumerate(different(loop_turns + 2), 1):
        machine.send(text)
        counted.drain()
        if 2 * number > kept:
            with counted.parts.database.begin() as connection:
                upto = 2 * number - kept
                sessions.change(
                    Scope(connection, 1), 1, lambda state, upto=upto: sessions.with_summary(state, "S", upto)
                )
    assert machine.replies()[loop_turns:] == [FALLBACK]
    assert [row.error for row in failed(counted)] == [
        f"two machines seem to talk: {loop_turns} messages within 15 seconds of our answer each"
    ]


def test_an_hour_later_the_agent_answers_again(counted: House) -> None:
    machine = counted.visitor()
    for _ in range(5):
        machine.send(RECEIPT)
        counted.drain()
    assert machine.replies()[3:] == [FALLBACK], "and silent from the fifth time on"
    counted.sql("UPDATE conversations SET person_until = created_at WHERE person IS NOT NULL")
    assert machine.say(RECEIPT) == f"About {RECEIPT}", "once, and then it is counted anew"


@pytest.mark.parametrize("kind", ["webchat", "blind"])
def test_who_was_taken_for_a_machine_is_told_so_once_and_answered_after_all(counted: House, kind: str) -> None:
    human = counted.visitor() if kind == "webchat" else counted.texter(kind)
    for _ in range(4):
        human.send(RECEIPT)
        counted.drain()
    assert human.replies()[3:] == [FALLBACK]
    [row] = failed(counted)
    assert row.error == "two machines seem to talk: the same messages come again and again"
    with counted.parts.database.begin() as connection:
        handover.hand_back(Scope(connection, 1), row.conversation_id)
    replay(counted)
    assert human.replies()[4:] == [f"About {RECEIPT}"]
    human.send(RECEIPT)
    counted.drain()
    assert human.replies()[5:] == [f"About {RECEIPT}"], "counted anew"


def test_the_guard_can_be_turned_off(counted: House) -> None:
    limit(counted, loop_turns=None)
    machine = counted.visitor()
    assert [machine.say(RECEIPT) for _ in range(6)] == [f"About {RECEIPT}"] * 6
