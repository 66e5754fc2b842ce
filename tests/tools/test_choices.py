"""Choices: buttons where the channel has them, else a numbered list whose numbers are understood."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.harness.house import House, drain_events
from tests.servers.brain import Brain

TIMES = ["Tuesday, 15:00", "Wednesday, 9:30"]
Script = Callable[..., list[str]]


def test_the_web_chat_gets_them_with_the_message(desk: House, calls: Script) -> None:
    calls("offer_choices", {"choices": TIMES}, say="When?")
    visitor = desk.visitor()
    with visitor.watch() as watch:
        assert visitor.say("A haircut") == "When?"
        told = [event.data["choices"] for event in drain_events(watch) if event.type == "message"]
    assert told == [[], TIMES]
    assert [message.choices for message in visitor.transcript()] == [(), tuple(TIMES)]
    calls("offer_choices", {}, times=0)
    visitor.say(TIMES[0])
    assert visitor.transcript()[-1].choices == ()


def test_a_text_message_gets_a_list_and_a_number_is_understood(desk: House, calls: Script, brain: Brain) -> None:
    calls("offer_choices", {"choices": TIMES}, say="When?")
    customer = desk.texter()
    customer.send("A haircut")
    desk.drain()
    assert customer.replies() == ["When?\n1. Tuesday, 15:00\n2. Wednesday, 9:30"]
    calls("offer_choices", {}, times=0)
    customer.send("2.")
    desk.drain()
    assert brain.questions[-1].notes[-1] == "With 2 the customer chose: Wednesday, 9:30"
    customer.send("2.")
    desk.drain()
    assert not any("chose" in note for note in brain.questions[-1].notes)


def test_a_long_reply_offers_them_once(desk: House, calls: Script) -> None:
    calls("offer_choices", {"choices": TIMES}, say="word " * 150 + "end")
    customer = desk.texter()
    customer.send("A haircut")
    desk.drain()
    rows = desk.sql("SELECT choices FROM messages WHERE direction = 'out' ORDER BY seq")
    assert len(rows) == 2
    assert rows[0].choices is None
    assert "Tuesday" in rows[1].choices


def test_bad_ones_are_refused(desk: House, calls: Script) -> None:
    visitor = desk.visitor()
    for choices in (["One", "one"], ["x" * 41, "y"], ["Only"], ["a", " "]):
        outputs = calls("offer_choices", {"choices": choices})
        visitor.say("A haircut")
        assert '"offered"' not in outputs[0]
        assert visitor.transcript()[-1].choices == ()


def test_they_survive_a_process_that_dies_before_the_reply(desk: House, calls: Script) -> None:
    calls("offer_choices", {"choices": TIMES}, say="When?")
    visitor = desk.visitor()
    visitor.send("A haircut")

    def die(*_: object, **__: object) -> None:
        raise SystemError("the process died")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("receptionist.pipeline.turn.record", die)
        desk.drain()
    calls("offer_choices", {}, times=0, say="When?")
    desk.make_due()
    desk.drain()
    assert visitor.transcript()[-1].choices == tuple(TIMES)
