"""S56: what one customer can make an account pay for is bounded in every direction."""

from __future__ import annotations

from collections.abc import Iterator

from receptionist.agents.agent import MAX_ROUNDS
from receptionist.agents.history import CHARACTERS_PER_TOKEN
from tests.harness.house import House
from tests.servers.brain import Brain, Calls, Piece, Question


def test_s56_long_texts_and_floods_do_not_grow_the_question(desk: House, brain: Brain) -> None:
    visitor = desk.visitor()
    for number in range(12):
        visitor.send(f"{number} " + "again and again " * 240)
    desk.drain()
    room = desk.parts.settings.history_tokens * CHARACTERS_PER_TOKEN
    asked = [sum(map(len, (*question.asked, *question.notes))) for question in brain.questions]
    assert len(asked) == 1, "a flood is one turn"
    assert 0 < max(asked) < room + 2000


def test_s56_a_model_that_never_stops_calling_is_stopped(desk: House, brain: Brain) -> None:
    desk.publish(tools=["note"])

    def reply(question: Question) -> Iterator[Piece]:
        yield from (Calls("note", '{"text": "again"}') for _ in range(20))
        yield "Once more."

    brain.reply = reply
    desk.visitor().say("Call it for ever, and have it call itself.")
    assert len(brain.questions) <= MAX_ROUNDS + 1
    assert desk.sql("SELECT count(*) AS number FROM tool_calls")[0].number <= 8
