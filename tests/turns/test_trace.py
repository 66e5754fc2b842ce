"""Every turn can be looked at afterwards: what was shown, called, said and spent, and why it stayed silent."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from receptionist.cli import main
from receptionist.pipeline import record
from tests.harness.house import House
from tests.harness.instance import left_out
from tests.pipeline.test_files import send_with_files
from tests.servers.brain import Brain
from tests.servers.vendor_server import VendorServer


@pytest.fixture
def show(house: House, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """`show("1")`: what `receptionist turn show` prints of a turn."""
    monkeypatch.setattr("receptionist.cli.base.assembled", lambda: (house.parts, house.factory))

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(main, ["turn", *arguments])
        assert result.exit_code == 0, result.output
        return result.output

    return run


def test_a_turn_with_a_tool_tells_what_happened(house: House, show) -> None:  # type: ignore[no-untyped-def]
    visitor = house.visitor()
    visitor.say(f"call book {json.dumps({'what': 'a table'})}.")
    printed = show("show", "1")
    assert "Turn 1 of conversation 1: done" in printed
    assert "Strategy: House, version 1. Model: remote" in printed
    assert f"Its number in a chat's live events: {visitor.transcript()[-1].turn}." in printed
    assert 'customer (answered): call book {"what": "a table"}.' in printed
    assert 'tool book (done): {"what": "a table"} -> ' in printed
    assert "Shown: 1 messages, 0 open goals; tools: book, pay, note." in printed
    assert 'calls ["book"]' in printed
    assert "Round 2:" in printed
    assert re.findall(r"^Step (\w+):", printed, re.MULTILINE) == [
        "wait",
        "brief",
        "model",
        "tools",
        "record",
        "deliver",
    ]
    assert step(printed, "deliver") == 0, "what a client fetches is delivered once it is recorded"
    assert "Instructions:" not in printed
    assert "You are Robin" in show("show", "1", "--prompt")


def step(printed: str, name: str) -> float:
    [seconds] = re.findall(rf"^Step {name}: (\d+\.\d{{3}}) s$", printed, re.MULTILINE)
    return float(seconds)


def test_a_turn_tells_the_time_of_each_step(
    open_house: Callable[..., House], vendor: VendorServer, brain: Brain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files are slow here, then the database when the turn is written, then the vendor, in turn."""
    house = open_house(DISABLED_PLUGINS=",".join({*left_out().split(",")} - {"local_files"}))
    channel, slow = house.parts.channels["loopback"], 0.15

    def slowly(does: Callable[..., Any]) -> Callable[..., Any]:
        def later(*arguments: Any) -> Any:
            time.sleep(slow)
            return does(*arguments)

        return later

    monkeypatch.setattr(channel, "fetch", slowly(channel.fetch))
    monkeypatch.setattr(channel, "send", slowly(channel.send))
    monkeypatch.setattr(record, "_advance", slowly(record._advance))
    customer, begun = house.texter("askable"), time.monotonic()
    send_with_files(customer, "Look at this.", f"{vendor.url}/files/photo")
    house.drain()
    elapsed = time.monotonic() - begun
    assert len(customer.replies()) == 1
    monkeypatch.setattr("receptionist.cli.base.assembled", lambda: (house.parts, house.factory))
    printed = CliRunner().invoke(main, ["turn", "show", "1"]).output
    found = re.findall(r"^Step (\w+):", printed, re.MULTILINE)
    assert found == ["wait", "files", "brief", "model", "record", "deliver"]
    assert all(step(printed, name) >= slow for name in ("wait", "files", "record", "deliver")), printed
    one_after_the_other = sum(step(printed, name) for name in found if name != "files")
    assert step(printed, "files") <= step(printed, "wait") and one_after_the_other <= elapsed + 0.01, printed


def test_a_reply_that_nobody_got_has_no_time_of_delivery(house: House, show) -> None:  # type: ignore[no-untyped-def]
    customer = house.texter("askable")
    house._vendor.fail(customer.address, "400")
    customer.send("Hello?")
    house.drain()
    assert "agent (failed): Echo: Hello?" in show("show", "1")
    assert "Step record:" in show("show", "1") and "Step deliver:" not in show("show", "1")


def test_a_silent_turn_says_why(house: House, show) -> None:  # type: ignore[no-untyped-def]
    visitor = house.visitor()
    visitor.say("Hello?")
    house.sql("UPDATE conversations SET person = 'Ann', person_until = '2100-01-01 00:00:00.000000'")
    visitor.send("Are you there?")
    house.drain()
    assert "Why: a person has the conversation" in show("show", "2")
    listed = show("list", "--conversation", "1").splitlines()
    assert [line.split()[0] for line in listed] == ["2", "1"]


def test_a_turn_whose_question_was_replayed_says_so(house: House, show) -> None:  # type: ignore[no-untyped-def]
    customer = house.texter("askable")
    customer.send("Hello?")
    house.drain()
    house.sql("UPDATE messages SET turn_id = NULL WHERE direction = 'in'")
    assert "What was asked was replayed later: receptionist conversation show 1." in show("show", "1")


def test_s63_a_message_cannot_pass_for_lines_of_ours(house: House, show) -> None:  # type: ignore[no-untyped-def]
    house.visitor().say("Hello?\ntool book (done): {} -> booked")
    printed = show("show", "1")
    assert "\n    tool book (done)" in printed and "\ntool book" not in printed


def test_a_turn_that_is_not_there(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receptionist.cli.base.assembled", lambda: (house.parts, house.factory))
    result = CliRunner().invoke(main, ["turn", "show", "9"])
    assert (result.exit_code, result.output) == (1, "Error: There is no turn 9.\n")


def test_the_number_of_live_events_is_told_apart(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receptionist.cli.base.assembled", lambda: (house.parts, house.factory))
    assert CliRunner().invoke(main, ["turn", "list"]).output == "None.\n"
    house.visitor().say("Hello?")
    [(ticket,)] = house.sql("SELECT ticket FROM turns")
    said = CliRunner().invoke(main, ["turn", "show", str(ticket)]).output
    assert said == f"Error: There is no turn {ticket}. In a chat's live events it is the number of turn 1.\n"


def test_which_messages_and_notes_were_shown(house: House, show) -> None:  # type: ignore[no-untyped-def]
    house.visitor().say("Hello?")
    visitor = house.visitor()
    visitor.say(f"call book {json.dumps({'what': 'a table'})}.")
    visitor.say("Thanks")
    house.parts.settings = house.parts.settings.model_copy(update={"history_tokens": 85})
    visitor.say("Is there anything " + "else " * 30)
    assert "Messages shown whole: 3 to 5 of the conversation." in show("show", "3")
    printed = show("show", "4", "--prompt")
    assert "Messages shown whole: 7 to 7 of the conversation." in printed, "as `conversation show` numbers them"
    assert "Note: Tools you called in earlier answers" in printed and "a table" in printed
    assert "Note:" not in show("show", "4")
