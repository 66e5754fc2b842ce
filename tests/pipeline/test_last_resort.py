"""What cannot even be apologised for is failed in the end, and never blocks its conversation."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from receptionist import Event
from receptionist.contracts.events import MessageFailed
from receptionist.pipeline import turn
from tests.harness.house import House
from tests.pipeline.test_lease import Slow, begun, overdue
from tests.servers.brain import Brain, Calls, Piece, Question
from tests.servers.vendor_server import VendorServer

Open = Callable[..., House]


def test_a_turn_that_cannot_be_recorded_ends_in_the_failed_list(
    open_house: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = open_house()
    visitor = house.visitor()
    with monkeypatch.context() as patch:

        def broken(*_arguments: object, **_more: object) -> None:
            raise ZeroDivisionError

        patch.setattr(turn, "record", broken)
        visitor.send("Can you hear me?")
        for _ in range(6):
            house.make_due()
            house.drain()
    states = [row[0] for row in house.sql("SELECT state FROM messages WHERE direction = 'in'")]
    assert states == ["failed"]
    visitor.send("And now?")
    house.make_due()
    house.drain()
    assert [row[0] for row in house.sql("SELECT state FROM messages WHERE direction = 'in' ORDER BY seq")][
        1
    ] == "answered"


def test_what_comes_after_a_turn_was_given_up_is_tried_from_the_start(
    open_house: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P7: it comes before anybody looked again, and nobody died or failed over it."""
    house = open_house()
    visitor = house.visitor()
    with monkeypatch.context() as patch:
        patch.setattr(turn, "record", lambda *_arguments, **_more: 1 / 0)
        visitor.send("Can you hear me?")
        while not house.sql("SELECT 1 FROM messages WHERE state = 'failed'"):
            house.make_due()
            house.drain()
    visitor.send("And now?")
    house.make_due()
    house.drain()
    states = house.sql("SELECT state FROM messages WHERE direction = 'in' ORDER BY seq")
    assert [row.state for row in states] == ["failed", "answered"]
    assert not visitor.replies()[0].startswith("Sorry")


def test_a_turn_that_is_given_up_has_no_part_in_the_next_answer(
    open_house: Open, vendor: VendorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = open_house()
    visitor = house.visitor()
    with monkeypatch.context() as patch:
        patch.setattr(turn, "record", lambda *_arguments, **_more: 1 / 0)
        visitor.send(f"call book {json.dumps({'what': 'table 77'})}.")
        for _ in range(6):
            house.make_due()
            house.drain()
    visitor.send(f"call book {json.dumps({'what': 'table 78'})}.")
    house.make_due()
    house.drain()
    assert [row.state for row in house.sql("SELECT state FROM turns ORDER BY id")] == ["failed", "done"]
    assert [row.turn_id for row in house.sql("SELECT turn_id FROM tool_calls ORDER BY id")] == [1, 2]
    assert house.sql("SELECT turn_id FROM conversations") == [(None,)]


@pytest.mark.parametrize("kind", ["visitor", "texter"])
def test_only_the_oldest_message_is_given_up_when_workers_died_over_several(house: House, kind: str) -> None:
    """F21: nobody knows which of them was the poison, so they are tried one by one, and the rest is answered."""
    customer = getattr(house, kind)()
    for text in ("Is this the poison?", "And are you open?", "And where are you?"):
        customer.send(text)
    house.sql("UPDATE conversations SET attempts = 3")
    house.drain()
    replies = customer.replies()
    assert replies[0].startswith("Sorry")
    assert replies[1:] == ["Echo: And are you open? | And where are you?"]
    states = [row.state for row in house.sql("SELECT state FROM messages WHERE direction = 'in' ORDER BY seq")]
    assert states == ["failed", "answered", "answered"]
    assert house.sql("SELECT due_at, lease_owner, attempts FROM conversations") == [(None, None, 0)]


@pytest.mark.parametrize("attempts", [2, 3])
def test_a_turn_that_acted_is_ended_with_all_it_saw(
    house: House, vendor: VendorServer, monkeypatch: pytest.MonkeyPatch, attempts: int
) -> None:
    """F8: it is over for what it was asked; answered in a turn of its own, the booking would be made again."""
    texter = house.texter()
    texter.send("Are you open?")
    texter.send(f'call book {{"what": "table {attempts}"}}.')
    with monkeypatch.context() as patch:
        patch.setattr(turn, "record", lambda *_arguments, **_more: 1 / 0)
        house.drain()
    house.sql(f"UPDATE conversations SET attempts = {attempts}")
    house.make_due()
    house.drain()
    assert len(texter.replies()) == 1
    assert [effect["what"] for effect in vendor.effects].count(f"table {attempts}") == 1
    open_ones = house.sql("SELECT count(*) FROM messages WHERE direction = 'in' AND state = 'waiting'")
    assert open_ones == [(0,)]


def test_a_turn_that_went_on_with_more_is_ended_with_all_of_it(
    house: House, vendor: VendorServer, brain: Brain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F8: who took it over saw a second message, acted on it and died as well."""

    def books(question: Question) -> Iterator[Piece]:
        done = " ".join((*question.resumed, *question.outputs))
        missing = [text for text in question.asked if text not in done]
        yield Calls("book", json.dumps({"what": missing[0]})) if missing else "All is booked."

    brain.reply = books
    texter = house.texter()
    with monkeypatch.context() as patch:
        patch.setattr(turn, "record", lambda *_arguments, **_more: 1 / 0)
        for text in ("table 5", "table 6"):
            texter.send(text)
            house.make_due()
            house.drain()
    house.make_due()
    house.drain()
    booked = [effect["what"] for effect in vendor.effects]
    assert (booked.count("table 5"), booked.count("table 6")) == (1, 1)
    assert texter.replies() == ["All is booked."]


def test_a_narrowed_turn_that_acted_is_ended_with_the_one_message_it_saw(
    house: House, vendor: VendorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F21: of several messages a suspect's turn looks at the oldest; what it never saw is answered."""
    texter = house.texter()
    for text in ('call book {"what": "table 4"}.', "And are you open?", "And where are you?"):
        texter.send(text)
    house.sql("UPDATE conversations SET attempts = 2")
    with monkeypatch.context() as patch:
        patch.setattr(turn, "record", lambda *_arguments, **_more: 1 / 0)
        house.drain()
    house.make_due()
    house.drain()
    apology, answer = texter.replies()
    assert apology.startswith("Sorry")
    assert answer == "Echo: And are you open? | And where are you?"
    assert [effect["what"] for effect in vendor.effects].count("table 4") == 1
    states = [row.state for row in house.sql("SELECT state FROM messages WHERE direction = 'in' ORDER BY seq")]
    assert states == ["failed", "answered", "answered"]


def test_messages_of_a_line_whose_settings_went_missing_say_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are on the failed list with the true reason, and who watches is told."""
    told: list[Event] = []
    monkeypatch.setattr(house.parts, "emit", told.append)
    texter = house.texter("askable")
    texter.send("Are you open?")
    house.sql("UPDATE lines SET settings = '{}'")
    house.sql("UPDATE accounts SET revision = revision + 1")
    house.drain()
    rows = house.sql("SELECT id, direction, state, error FROM messages ORDER BY seq")
    assert [(row.direction, row.state) for row in rows] == [("in", "failed")]
    assert "settings of line" in rows[0].error and "Field required" in rows[0].error
    failed = [each.message_id for each in told if isinstance(each, MessageFailed)]
    assert failed == [row.id for row in rows]


def test_a_reply_that_was_perhaps_sent_is_not_given_up_as_failed(house: House) -> None:
    """P4: who sends what failed again would send this twice; its sender died, and then the line could not be used."""
    texter = house.texter("askable")
    texter.send("Are you open?")
    house.drain()
    house.sql("UPDATE messages SET state = 'sending' WHERE direction = 'out'")
    house.sql("UPDATE conversations SET due_at = created_at")
    house.sql("UPDATE lines SET settings = '{}'")
    house.sql("UPDATE accounts SET revision = revision + 1")
    house.runner.drain(1)
    assert house.sql("SELECT state FROM messages WHERE direction = 'out'") == [("unknown",)]


def test_a_suspect_that_hangs_keeps_no_other_waiting(house: House, brain: Brain) -> None:
    """P7: nobody can interrupt a plugin that hangs; another worker gives its message up in the end."""
    brain.reply = slow = Slow()
    hangs, other = house.visitor(), house.visitor()
    hangs.send("Do you hang?")
    house.sql("UPDATE conversations SET attempts = 2")
    _, holder = begun(house, slow)
    other.send("Am I answered?")
    house.sql("UPDATE conversations SET attempts = 2 WHERE lease_owner IS NULL")
    house.drain()
    assert other.replies() == [], "one at a time"
    overdue(house)
    house.make_due()
    house.drain()
    assert other.replies() == ["Quick: Am I answered?"]
    assert hangs.replies()[0].startswith("Sorry")
    slow.go_on.set()
    holder.join(10)
    other.send("And again?")
    house.sql("UPDATE conversations SET attempts = 2")
    house.drain()
    assert other.replies()[-1] == "Quick: And again?"
