"""The other bundled tools: facts, the time, and the end of a conversation."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from plugins.fact_search import best, words
from receptionist.cli import main
from tests.harness.house import House

FACTS = [
    {"topic": "Parking", "text": "Behind the house, free for two hours."},
    {"topic": "TV", "text": "Every room has one."},
    {"topic": "Dogs", "text": "Well-behaved dogs are welcome."},
    {"topic": "Café", "text": "We serve coffee; parking a bicycle is possible at the café."},
]
SERVICES = [{"name": "Cut", "price_cents": 4500, "minutes": 45, "description": "Wash and dry."}]
Script = Callable[..., list[str]]


def test_facts_and_services_are_found(desk: House, calls: Script) -> None:
    desk.publish(facts=FACTS, services=SERVICES)
    visitor = desk.visitor()
    outputs = calls("search_facts", {"query": "PARKING a car"})
    visitor.say("Where can I park?")
    assert json.loads(outputs[0])["found"][0] == "Parking: Behind the house, free for two hours."
    outputs = calls("search_facts", {"query": "cafe"})
    visitor.say("Coffee?")
    assert json.loads(outputs[0])["found"] == ["Café: We serve coffee; parking a bicycle is possible at the café."]
    outputs = calls("search_facts", {"query": "price of a cut"})
    visitor.say("What is a cut?")
    assert "Cut: 45.00 EUR, 45 minutes, Wash and dry." in json.loads(outputs[0])["found"]
    outputs = calls("search_facts", {"query": "Is there a TV?"})
    visitor.say("TV?")
    assert json.loads(outputs[0])["found"] == ["TV: Every room has one."]
    outputs = calls("search_facts", {"query": "submarine"})
    visitor.say("A submarine?")
    assert outputs[0].startswith("Nothing is known about this.")


def test_long_lists_are_searched_at_once() -> None:
    texts = [words(f"topic {number} " + "some words of a long text " * 60) for number in range(300)]
    begun = time.perf_counter()
    assert best("topic 137", texts)[0] == 137
    assert time.perf_counter() - begun < 2


def test_how_many_are_told_is_a_setting(desk: House, calls: Script) -> None:
    many = [{"topic": f"Room {number}", "text": "A room."} for number in range(20)]
    desk.publish(facts=many, tool_settings={"search_facts": {"most": 3}})
    outputs = calls("search_facts", {"query": "room"})
    desk.visitor().say("Rooms?")
    assert len(json.loads(outputs[0])["found"]) == 3


def test_the_time_and_whether_it_is_open(desk: House, calls: Script) -> None:
    outputs = calls("current_time", {})
    visitor = desk.visitor()
    visitor.say("What time is it?")
    now = datetime.now(ZoneInfo("Europe/Berlin"))
    told = json.loads(outputs[0])
    assert abs(datetime.fromisoformat(told["now"]) - now.replace(tzinfo=None)) < timedelta(minutes=2)
    assert (told["zone"], told["open"]) == ("Europe/Berlin", "not known")
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    desk.publish(opening_hours={day: ["00:00-24:00"] for day in days})
    outputs = calls("current_time", {})
    visitor.say("Are you open?")
    assert json.loads(outputs[0])["open"] is True
    in_two = (now + timedelta(days=2)).date()
    desk.publish(opening_hours={}, exceptions=[{"date": str(in_two), "hours": ["09:00-10:00"], "reason": "Fair"}])
    outputs = calls("current_time", {})
    visitor.say("And now?")
    told = json.loads(outputs[0])
    assert (told["open"], told["next_opening"].split(" ", 1)[1]) == (False, f"{in_two} 09:00")


def test_an_ended_conversation_is_archived_with_its_reply(
    desk: House, calls: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = desk.visitor()
    calls("end_conversation", {"reason": "All is settled\nand said"}, say="Goodbye!")
    assert visitor.say("That was all, bye") == "Goodbye!"
    [row] = desk.sql("SELECT state, archived_by FROM conversations")
    assert (row.state, row.archived_by) == ("archived", "the agent: All is settled and said")
    monkeypatch.setattr("receptionist.cli.base.assembled", lambda: (desk.parts, desk.factory))
    listed = CliRunner().invoke(main, ["conversation", "list", "--archived"])
    assert "by the agent: All is settled and said.\n" in listed.output
    calls("end_conversation", {}, times=0, say="Hello again!")
    assert visitor.say("One more thing") == "Hello again!"
    assert [row.state for row in desk.sql("SELECT state FROM conversations ORDER BY id")] == ["archived", "open"]


def test_its_reply_goes_out_first_where_messages_are_sent(desk: House, calls: Script) -> None:
    customer = desk.texter()
    calls("end_conversation", {"reason": "Spam"}, say="Goodbye!")
    customer.send("Buy my pills")
    desk.drain()
    assert customer.replies() == ["Goodbye!"]
    assert [row.state for row in desk.sql("SELECT state FROM conversations")] == ["archived"]
