"""A conversation of 5,000 messages is answered as fast as one of 5."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import sqlalchemy as sa

from receptionist.db import Scope
from receptionist.pipeline.summariser import KEPT
from receptionist.services.conversations import sessions
from tests.harness.databases import SQLITE
from tests.harness.house import House, Visitor
from tests.servers.brain import Brain
from tests.sessions.test_memory import talk

pytestmark = SQLITE


@dataclass(frozen=True)
class Cost:
    """What an answer took. `shown`: messages before this one that the model got; `seconds`: CPU of the worker."""

    statements: list[str]
    shown: int
    characters: int
    seconds: float


def answered(house: House, visitor: Visitor, brain: Brain, text: str) -> Cost:
    """What the answer to this text takes."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    visitor.send(text)
    sa.event.listen(house.parts.database.engine, "before_cursor_execute", note)
    begun = time.thread_time()
    house.drain()
    seconds = time.thread_time() - begun
    sa.event.remove(house.parts.database.engine, "before_cursor_execute", note)
    question = brain.about(text)[-1]
    prompt = [question.instructions, *question.notes, *(said for _, said in question.past)]
    return Cost(statements, len(question.past), sum(map(len, prompt)), seconds)


def lengthened(house: House, count: int) -> Visitor:
    """A visitor whose conversation has so many messages, with all but the newest summarised, as they would be."""
    visitor = house.visitor()
    talk(house, visitor, count)
    if count > KEPT:
        with house.parts.database.begin() as connection:
            summarised = partial(sessions.with_summary, summary="Ann wants a bicycle.", seq=count - KEPT)
            sessions.change(Scope(connection, 1), 1, summarised)
    return visitor


def test_five_thousand_messages_cost_what_five_do(open_house: Callable[..., House], brain: Brain) -> None:
    houses = {count: open_house() for count in (5, 60, 5000)}
    visitors = {count: lengthened(house, count) for count, house in houses.items()}
    costs: dict[int, list[Cost]] = {count: [] for count in houses}
    for number in range(4):  # the first one warms up
        for count, house in houses.items():
            costs[count].append(answered(house, visitors[count], brain, f"Question {number} of {count:04}?"))
    for short, middle, long in list(zip(*costs.values(), strict=True))[1:]:
        assert long.statements == short.statements
        assert long.shown == middle.shown <= KEPT + 2 * len(costs[5])
        assert abs(long.characters - middle.characters) <= 4 * long.shown, "but for the longer numbers in the texts"
    seconds = {count: min(cost.seconds for cost in several[1:]) for count, several in costs.items()}
    assert seconds[5000] < 2 * seconds[5], seconds
