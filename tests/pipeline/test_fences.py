"""P1, P3: who lost a lease changes nothing any more, whatever it calls; who has it gives it back only once all is
done."""

from __future__ import annotations

from typing import Any

import pytest

from receptionist.db import Scope
from receptionist.pipeline.eraser import Eraser
from receptionist.pipeline.lease import FenceLost, Lease, guarded, hold, release, release_until, take
from receptionist.pipeline.ledger import Ledger
from receptionist.pipeline.memories import MemoryRow
from receptionist.services.leads.leads import LeadChange
from tests.harness.house import House
from tests.pipeline.test_lease import Slow, begun, lapse
from tests.servers.brain import Brain


def release_in_vain(scope: Scope, lease: Lease) -> None:
    """Give it back until later."""
    release_until(scope, lease, 0.0)


def write_in_vain(scope: Scope, lease: Lease) -> int:
    """Change the conversation."""
    return scope.run(guarded(scope, lease).values(address="elsewhere"))


def taken(house: House) -> Lease:
    """The lease on the one conversation, for a thread of this process."""
    with house.parts.database.begin() as connection:
        lease = take(connection, 1, house.runner.keeper._owner, 30.0)
    assert lease is not None
    return lease


def conversation(house: House) -> Any:
    """Its row, but for the time until which it is held."""
    [row] = house.sql("SELECT * FROM conversations")
    return {**row._mapping, "lease_until": None}


def test_who_lost_the_lease_changes_nothing(house: House) -> None:
    """To another thread of the same process, so that only the fence is another one."""
    house.visitor().send("Who is late?")
    late = taken(house)
    lapse(house)
    taken(house)
    before = conversation(house)
    for write in (release, release_in_vain, write_in_vain):
        with house.parts.database.begin() as connection:
            assert not write(Scope(connection, 1), late)
        assert conversation(house) == before
    with pytest.raises(FenceLost), house.parts.database.begin() as connection:
        hold(Scope(connection, 1), late)


def test_who_lost_the_lease_keeps_nothing_of_what_a_vendor_remembers(house: House) -> None:
    house.visitor().send("Who is late?")
    late = taken(house)
    lapse(house)
    taken(house)
    with pytest.raises(FenceLost):
        MemoryRow(house.parts, late, None).save({"model": "remote", "ref": "late"})  # type: ignore[arg-type]
    assert late.lost.is_set()
    assert conversation(house)["provider_memory"] is None


def test_a_lease_is_not_given_back_while_newer_messages_wait(house: House) -> None:
    visitor = house.visitor()
    visitor.send("one")
    lease = taken(house)
    visitor.send("two")
    before = conversation(house)
    with house.parts.database.begin() as connection:
        assert not release(Scope(connection, 1), lease)
    assert conversation(house) == before
    with house.parts.database.begin() as connection:
        lease.next_seq = hold(Scope(connection, 1), lease)
        assert release(Scope(connection, 1), lease)
    assert conversation(house)["lease_owner"] is None


def test_what_is_done_counts_no_deaths_against_what_comes_next(house: House) -> None:
    """F21: workers died over a message that went out in the end."""
    house.visitor().send("one")
    lease = taken(house)
    house.sql("UPDATE conversations SET attempts = 2")
    with house.parts.database.begin() as connection:
        assert release(Scope(connection, 1), lease)
    assert conversation(house)["attempts"] == 0


def test_who_renews_notices_that_another_thread_of_the_process_has_the_lease(house: House) -> None:
    house.visitor().send("Who is late?")
    late = taken(house)
    house.runner.keeper.add(late)
    lapse(house)
    new = taken(house)
    house.runner.keeper._renew([late])
    assert late.lost.is_set() and not new.lost.is_set()


def test_who_answers_somebody_who_is_erased_notices(house: House) -> None:
    house.visitor().send("Forget me.")
    lease = taken(house)
    house.runner.keeper._look([lease])
    assert not lease.lost.is_set()
    Eraser(house.parts).erase(1, 1, "Ann")
    house.runner.keeper._look([lease])
    assert lease.lost.is_set()


def test_who_lost_the_lease_keeps_no_result_of_a_tool(house: House) -> None:
    """P5: whoever has the conversation now settles the call, and makes what it changes."""
    house.visitor().send("Note it.")
    late = taken(house)
    ledger = Ledger(house.parts, late, None)
    call = ledger.begin("note", "{}")
    lapse(house)
    taken(house)
    with pytest.raises(FenceLost):
        ledger.finish(call, "done", "noted", (LeadChange(note="late"),))
    assert house.sql("SELECT state, result FROM tool_calls") == [("started", None)]
    assert house.sql("SELECT notes FROM leads") == [("",)]


def test_who_lost_the_lease_rings_for_those_who_were_told_that_somebody_is_at_work(house: House, brain: Brain) -> None:
    """F30: a frozen process wakes up, is rung, and finds only then that another one took the conversation over."""
    brain.reply = slow = Slow()
    house.visitor().send("Are you awake?")
    number, holder = begun(house, slow)
    lapse(house)
    taken(house)
    assert house.rung == []
    slow.go_on.set()
    holder.join(10)
    assert house.rung == [number]
