"""P11: one account's burst takes no other account's threads."""

from __future__ import annotations

import sqlalchemy as sa

from receptionist.pipeline.share import Share, Work
from tests.harness.house import House


def share_of(house: House, accounts: dict[int, int], threads: int = 16) -> Share:
    """A share that knows whose conversations these are."""
    share = Share(house.parts.database, threads)
    share._accounts.update(accounts)
    return share


def test_a_burst_leaves_room_for_a_newcomer_and_for_the_next(house: House) -> None:
    share = share_of(house, {})
    begun = [share.enter(1, number) for number in range(50)]
    assert [work is not None for work in begun].count(True) == 14
    second = [share.enter(2, 100 + number) for number in range(50)]
    assert [work is not None for work in second].count(True) == 1
    assert share.enter(3, 200) is not None, "even now there is one left"


def test_what_was_parked_goes_on_in_turns_and_once(house: House) -> None:
    share = share_of(house, {}, threads=2)
    first = share.enter(1, 10)
    assert first is not None
    assert share.enter(1, 11) is None
    assert share.enter(1, 11) is None
    assert share.enter(1, 12) is None
    order = []
    work: Work | None = first
    while work is not None:
        order.append(work.conversation_id)
        work = share.leave(work, go_on=True)
    assert order == [10, 11, 12]


def test_nothing_parked_is_begun_once_the_process_ends(house: House) -> None:
    share = share_of(house, {}, threads=2)
    first = share.enter(1, 10)
    share.enter(1, 11)
    assert first is not None
    assert share.leave(first, go_on=False) is None


def test_whose_conversation_it_is_costs_one_query(house: House) -> None:
    visitor = house.visitor()
    visitor.say("Hello there.")
    share = Share(house.parts.database, 8)
    counted: list[str] = []
    engine = house.parts.database.engine
    listen = ("before_cursor_execute", lambda *arguments: counted.append(arguments[2]))
    sa.event.listen(engine, *listen)
    [row] = house.sql("SELECT id, account_id FROM conversations")
    before = len(counted)
    assert [share.account_of(row.id) for _ in range(3)] == [row.account_id] * 3
    assert len([statement for statement in counted[before:] if "account_id" in statement]) == 1
    sa.event.remove(engine, *listen)
