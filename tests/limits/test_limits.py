"""Who used up a limit is told so once, everything is on the failed list, and a raised limit answers it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from receptionist import MessageFailed, PersonRequested
from receptionist.db import Scope
from receptionist.pipeline import persons, refusals
from receptionist.services import prices
from receptionist.services.strategies import strategies
from tests.harness.house import House
from tests.limits.support import FALLBACK, events, failed, limit, replay, tasks


def test_a_lead_has_its_turns_and_no_more(counted: House) -> None:
    limit(counted, lead_turns=2)
    visitor, other = counted.visitor(), counted.visitor()
    assert visitor.say("First question.") == "About First question."
    assert visitor.say("Second question.") == "About Second question."
    assert visitor.say("Third question.") == FALLBACK
    for text in ("Fourth question.", "Fifth question."):
        visitor.send(text)
        counted.drain()
    assert visitor.replies()[2:] == [FALLBACK], "said once"
    assert other.say("Somebody else.") == "About Somebody else."
    assert [row.text for row in failed(counted)] == ["Third question.", "Fourth question.", "Fifth question."]
    assert all("has reached its limit of 2 turns on" in row.error for row in failed(counted))
    assert len(events(counted, MessageFailed)) == 3
    assert [event.reason for event in events(counted, PersonRequested)] == tasks(counted)
    assert len(tasks(counted)) == 1
    limit(counted, lead_turns=10)
    replay(counted)
    assert failed(counted) == []
    assert visitor.replies()[3:] == ["About Fifth question."], "one turn answers all that waited"


def test_who_bombards_beyond_a_limit_does_not_have_the_tasks_searched_each_time(counted: House) -> None:
    """Nor the account locked, which every other customer's turn may need."""
    limit(counted, lead_turns=1)
    visitor = counted.visitor()
    assert visitor.say("First question.") == "About First question."
    assert visitor.say("Second question.") == FALLBACK
    searched: list[str] = []
    listen = ("before_cursor_execute", lambda *arguments: searched.append(arguments[2]))
    sa.event.listen(counted.parts.database.engine, *listen)
    for number in range(3):
        visitor.send(f"Question {number}")
        counted.drain()
    sa.event.remove(counted.parts.database.engine, *listen)
    assert len(failed(counted)) == 4
    assert [statement for statement in searched if "tasks" in statement] == []
    assert len(tasks(counted)) == 1


def test_a_line_is_limited_for_all_its_leads(counted: House) -> None:
    limit(counted, line_turns=2)
    visitors = [counted.visitor() for _ in range(4)]
    said = [visitor.say("Are you open?") for visitor in visitors]
    assert said == ["About Are you open?"] * 2 + [FALLBACK] * 2
    assert len(tasks(counted)) == len(events(counted, PersonRequested)) == 1
    customer = counted.texter("askable")
    customer.send("And on this line?")
    counted.drain()
    assert customer.replies() == ["About And on this line?"]


def test_an_account_is_limited_on_all_its_lines(counted: House) -> None:
    limit(counted, account_tokens=2000)
    customer = counted.texter("askable")
    assert [counted.visitor().say("Hello there.") for _ in range(2)] == ["About Hello there."] * 2
    customer.send("Me too.")
    counted.drain()
    assert customer.replies() == [FALLBACK]
    assert "account 1 has reached its limit of 2000 tokens" in failed(counted)[0].error


def test_a_limit_on_cost_counts_what_has_a_price(counted: House) -> None:
    limit(counted, lead_cost="0.001")
    visitor = counted.visitor()
    for number in range(3):
        assert visitor.say(f"No price number {number}.").startswith("About")
    with counted.parts.database.begin() as connection:
        prices.put(Scope(connection, 1), "counted*", input="1", cached="0", output="4")
    assert visitor.say("Now it costs.").startswith("About")
    assert [row.cost for row in counted.sql("SELECT cost FROM turns ORDER BY id")] == [None] * 3 + [1000]
    assert visitor.say("And is too dear.") == FALLBACK


def test_the_day_ends_at_midnight_in_the_accounts_zone(counted: House, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime(2026, 7, 1, 23, 59, tzinfo=ZoneInfo("Europe/Berlin"))
    zones: list[str] = []

    def clock(timezone: str) -> datetime:
        zones.append(timezone)
        return now.astimezone(ZoneInfo(timezone))

    monkeypatch.setattr(refusals, "local_now", clock)
    limit(counted, lead_turns=1)
    visitor = counted.visitor()
    assert visitor.say("Before midnight.").startswith("About")
    assert visitor.say("Still before midnight.") == FALLBACK
    now = datetime(2026, 7, 2, 0, 1, tzinfo=ZoneInfo("Europe/Berlin"))  # and still the first of July in UTC
    assert visitor.say("After midnight.") == "About After midnight."
    assert visitor.say("Too much again.") == FALLBACK
    assert [text[-10:] for text in tasks(counted)] == ["2026-07-01", "2026-07-02"], "told on each day"
    assert set(zones) == {"Europe/Berlin"}
    counted.runner.usage.flush()
    days = counted.sql("SELECT CAST(day AS TEXT) AS day, turns FROM usage_days WHERE kind = 'lead' ORDER BY day")
    assert [tuple(row) for row in days] == [("2026-07-01", 1), ("2026-07-02", 1)]


def test_the_text_that_had_another_reason_is_said_again_for_a_limit(counted: House) -> None:
    strategy_id = counted.sql("SELECT id FROM strategies")[0].id
    limit(counted, lead_turns=0)
    visitor = counted.visitor()
    for active in (False, True):
        with counted.parts.database.begin() as connection:
            strategies.set_active(Scope(connection, 1), strategy_id, active)
        assert visitor.say(f"Active: {active}?") == FALLBACK
    visitor.send("And now?")
    counted.drain()
    replay(counted)
    assert visitor.replies() == [FALLBACK] * 2, "of the limit it was said once"


def test_silence_does_not_count(counted: House) -> None:
    limit(counted, lead_turns=1)
    visitor = counted.visitor()
    visitor.send("psst, never mind.")
    counted.drain()
    assert visitor.say("A real question.") == "About A real question."


def test_a_limit_of_nothing_lets_nothing_pass(counted: House) -> None:
    limit(counted, line_turns=0)
    assert counted.visitor().say("Anybody there?") == FALLBACK


def test_many_at_once_do_not_get_past_a_limit(counted: House) -> None:
    limit(counted, account_turns=10)
    visitors = [counted.visitor() for _ in range(40)]
    for visitor in visitors:
        visitor.send("Is there room for me?")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(counted.runner.drain, counted.rung))
    counted.rung.clear()
    said = [visitor.replies() for visitor in visitors]
    assert sorted(map(tuple, said)) == [("About Is there room for me?",)] * 10 + [(FALLBACK,)] * 30
    assert len(tasks(counted)) == len(events(counted, PersonRequested)) == 1


@pytest.mark.parametrize("database", ["postgresql"])
def test_many_that_reach_a_limit_in_one_moment_do_not_wait_for_each_other(
    counted: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them has rows of the account under its hands when it looks whether persons were told."""
    limit(counted, account_turns=0)
    visitors = [counted.visitor() for _ in range(3)]
    for visitor in visitors:
        visitor.send("Is there room for me?")
    together, tell = threading.Barrier(len(visitors), timeout=10), persons._tell_of_limit

    def at_once(*arguments: Any) -> bool:
        together.wait()
        return tell(*arguments)

    monkeypatch.setattr(persons, "_tell_of_limit", at_once)
    with ThreadPoolExecutor(len(visitors)) as pool:
        list(pool.map(counted.runner.drain, counted.rung))
    assert [visitor.replies() for visitor in visitors] == [[FALLBACK]] * len(visitors)
    assert len(tasks(counted)) == 1
