"""Messages that went out from the line come back as echoes: ours are known, a person's silence the agent."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from receptionist.testing.case import Delivered
from receptionist.testing.needs import needs

if TYPE_CHECKING:
    from receptionist.testing.rehearsal import Rehearsal


class Echoes:
    """No loop, and no agent that talks over a person."""

    @needs("echoes", "sending")
    def test_an_echo_of_ours_is_neither_answered_nor_stored_again(self, rehearsal: Rehearsal) -> None:
        rehearsal.say("Hello.")
        [ours] = rehearsal.delivered()
        for _ in range(2):
            assert _echo(rehearsal, ours) // 100 == 2
        rehearsal.later()
        assert rehearsal.replies() == ["Echo: Hello."]
        assert [message.text for message in rehearsal.stored.messages()] == ["Hello.", "Echo: Hello."]
        assert rehearsal.say("Still you?") == ["Echo: Still you?"], "no person has the conversation"

    @needs("echoes", "sending")
    def test_an_echo_of_ours_may_come_before_the_answer(self, rehearsal: Rehearsal) -> None:
        statuses: list[int] = []
        rehearsal.vendor.meanwhile(lambda ours: statuses.append(_echo(rehearsal, ours)))
        assert rehearsal.say("Quick?") == ["Echo: Quick?"]
        assert [status // 100 for status in statuses] == [2]
        [reply] = rehearsal.stored.messages("out")
        assert reply.state == "sent"
        assert rehearsal.say("Still you?") == ["Echo: Still you?"], "no person has the conversation"

    @needs("echoes")
    def test_a_person_who_writes_silences_the_agent(self, rehearsal: Rehearsal) -> None:
        rehearsal.say("Hello.")
        theirs = Delivered(uuid.uuid4().hex, rehearsal.customer(), "This is Maria. I am on it.")
        for _ in range(2):
            assert _echo(rehearsal, theirs) // 100 == 2
        assert rehearsal.say("Thank you, Maria!") == []
        rehearsal.later()
        [message] = [message for message in rehearsal.stored.messages("out") if message.author == "person"]
        assert message.text == "This is Maria. I am on it."
        assert rehearsal.say("Hello.", rehearsal.customer(1)) == ["Echo: Hello."], "others are answered"

    @needs("echoes")
    def test_a_person_may_write_first(self, rehearsal: Rehearsal) -> None:
        theirs = Delivered(uuid.uuid4().hex, rehearsal.customer(), "Your bike is ready.")
        assert _echo(rehearsal, theirs) // 100 == 2
        rehearsal.later()
        assert [message.author for message in rehearsal.stored.messages()] == ["person"]
        assert rehearsal.say("Great!") == []


def _echo(rehearsal: Rehearsal, message: Delivered) -> int:
    return rehearsal.post(rehearsal.case.echo(rehearsal.line, message)).status_code
