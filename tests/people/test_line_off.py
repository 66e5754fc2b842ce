"""A line that is switched off takes nothing in, answers and sends nothing, and loses nothing."""

from __future__ import annotations

import json

import pytest

from receptionist import NotFound
from tests.harness.house import House
from tests.people.conftest import Command


def test_a_line_is_switched_off_and_on(house: House, command: Command) -> None:
    customer = house.texter("askable")
    number = str(customer.line.id)
    customer.send("Hello?")
    said = command("line", "deactivate", number)
    assert f"Line {number} is not active" in said and "1 message not answered or sent there yet" in said
    assert "askable  (not active)" in command("line", "list")
    assert json.loads(command("line", "show", number))["active"] is False
    with pytest.raises(NotFound):  # 404 for the vendor
        customer.send("Still there?")
    house.drain()
    assert customer.replies() == []
    [failed] = command("message", "failed").splitlines()
    assert f"in  failed   conversation 1: line {number} is not active" in failed

    assert f"Line {number} is active" in command("line", "activate", number)
    command("message", "replay", "1")
    customer.send("And now?")
    house.make_due()
    house.drain()
    assert customer.replies() == ["Echo: Hello? | And now?"]
    assert command("message", "failed") == "None.\n"


def test_a_reply_that_is_not_sent_yet_is_kept(house: House, command: Command) -> None:
    customer = house.texter("askable")
    customer.send("Hello?")
    house.drain()
    command("conversation", "reply", "1", "One more thing")
    assert "1 message not answered or sent" in command("line", "deactivate", str(customer.line.id))
    house.make_due()
    house.drain()
    assert "out failed" in command("message", "failed")
    command("line", "activate", str(customer.line.id))
    command("message", "replay", "3")
    house.make_due()
    house.drain()
    assert customer.replies() == ["Echo: Hello?", "One more thing"]


@pytest.mark.parametrize("verb", ["activate", "deactivate"])
def test_a_line_that_is_not_there_is_named(house: House, command: Command, verb: str) -> None:
    assert "There is no line 99" in command("line", verb, "99", fails=True)
