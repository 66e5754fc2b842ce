"""What a process remembers of sessions and leads: as long, and as much, as its settings say; then it reads again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from tests.harness.databases import SQLITE
from tests.harness.house import House, Visitor
from tests.servers.brain import Brain
from tests.sessions.test_goals import BOOKING, call, shown_goals

pytestmark = SQLITE
MINUTES = 60.0


@contextmanager
def reads(house: House, table: str) -> Iterator[list[str]]:
    """The statements that read this table within the block."""
    ran: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("SELECT") and f"FROM {table} " in statement.replace("\n", ""):
            ran.append(statement)

    sa.event.listen(house.parts.database.engine, "before_cursor_execute", note)
    try:
        yield ran
    finally:
        sa.event.remove(house.parts.database.engine, "before_cursor_execute", note)


def read_to_answer(house: House, visitor: Visitor, text: str) -> int:
    """How often sessions were read for the answer to this text."""
    with reads(house, "sessions") as ran:
        visitor.say(text)
    return len(ran)


def test_a_session_is_read_again_once_its_time_is_over(house: House, brain: Brain) -> None:
    """The house remembers for half an hour (`SESSION_TTL_HOURS`)."""
    cache = house.runner.drain._known.sessions._sessions
    visitor = house.visitor()
    call(visitor, "set_goal", **BOOKING)
    assert [read_to_answer(house, visitor, text) for text in ("First?", "Second?")] == [1, 0]
    now = cache.timer()
    cache.expire(now + 29 * MINUTES)
    assert read_to_answer(house, visitor, "Within the time?") == 0
    cache.expire(now + 31 * MINUTES)
    assert read_to_answer(house, visitor, "After the time?") == 1
    for text in ("Within the time?", "After the time?"):
        assert [goal["id"] for goal in shown_goals(brain, text)] == ["g1"]


def test_no_more_is_remembered_than_the_setting_allows(open_house: Callable[..., House], brain: Brain) -> None:
    house = open_house(MAX_CACHE_SIZE=2)
    known = house.runner.drain._known
    visitors = [house.visitor() for _ in range(3)]
    for visitor in visitors:
        visitor.say(f"call note {json.dumps({'text': visitor.sender.address})}.")
    for visitor in visitors:  # once more, for what a turn changes is read by the next one
        visitor.say("Is it noted?")
    assert (len(known.sessions._sessions), len(known.leads._leads)) == (2, 2)
    for visitor, count in ((visitors[2], 0), (visitors[0], 1)):
        with reads(house, "leads") as of_leads:
            assert read_to_answer(house, visitor, "Do you know me?") == count
        assert len(of_leads) == count
        assert visitor.sender.address in str(brain.about("Do you know me?")[-1]), "it is known all the same"
