"""Replies arrive complete, in order and once; what goes wrong is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from receptionist.testing.needs import needs

if TYPE_CHECKING:
    from receptionist.testing.rehearsal import Rehearsal

SETTLED = 3
"""How often time passes until nothing more may change."""
MONTH = 30 * 86_400.0


class Delivery:
    """What becomes of a reply."""

    @pytest.mark.parametrize("word", ["word", "größer", "😀"])
    def test_an_over_long_reply_arrives_in_parts(self, rehearsal: Rehearsal, word: str) -> None:
        limit = rehearsal.channel.capabilities.text_limit
        count = limit * 5 // 2 // (len(word) + 6)
        words = [f"{word}-{number:04}" for number in range(count)]
        rehearsal.model.says(" ".join(words))
        parts = rehearsal.say("Tell me everything.")
        assert [part for part in parts if rehearsal.channel.length(part) > limit] == []
        assert len(parts) > 1
        assert " ".join(parts).split() == words

    def test_one_reply_is_one_message_of_one_turn(self, rehearsal: Rehearsal) -> None:
        rehearsal.say("First.")
        rehearsal.say("Second.")
        assert rehearsal.replies() == ["Echo: First.", "Echo: Second."]
        assert [message.state for message in rehearsal.stored.messages("out")] == ["sent", "sent"]

    @needs("sending")
    def test_a_reply_whose_answer_is_lost_arrives_once(self, rehearsal: Rehearsal) -> None:
        rehearsal.vendor.lose_answer()
        rehearsal.say("Do you hear me?")
        for _ in range(SETTLED):
            rehearsal.later()
        assert rehearsal.replies() == ["Echo: Do you hear me?"], "the vendor had it already"
        [reply] = rehearsal.stored.messages("out")
        assert reply.state == ("sent" if rehearsal.can_tell else "unknown")
        assert reply.state == "sent" or reply.error, "an admin must learn why"
        assert rehearsal.say("And now?") == ["Echo: And now?"], "the next reply must not wait for it"

    @needs("sending")
    def test_a_reply_that_is_refused_is_not_sent_again(self, rehearsal: Rehearsal) -> None:
        rehearsal.vendor.refuse()
        assert rehearsal.say("Do you hear me?") == []
        for _ in range(SETTLED):
            rehearsal.later()
        [reply] = rehearsal.stored.messages("out")
        assert (reply.state, rehearsal.replies()) == ("failed", [])
        assert reply.error, "an admin must learn why"
        assert len(rehearsal.say("And now?")) == 1, "the next reply must not wait for it"

    @needs("sending")
    def test_nothing_is_sent_after_the_reply_window(self, rehearsal: Rehearsal) -> None:
        window = rehearsal.channel.capabilities.reply_window_seconds
        limit = rehearsal.channel.capabilities.text_limit
        rehearsal.model.says(" ".join(f"word-{number:04}" for number in range(limit * 3 // 2 // 10)))
        rehearsal.vendor.meanwhile(lambda first_part: rehearsal.age(MONTH if window is None else window + 60))
        assert rehearsal.say("Tell me everything."), "the first part is sent at once"
        states = [message.state for message in rehearsal.stored.messages("out")]
        assert len(states) > 1
        assert set(states[1:]) == {"sent" if window is None else "failed"}
        assert len(rehearsal.replies()) == states.count("sent"), "the vendor is asked for nothing that is too late"
        assert rehearsal.say("And now?")[-1] == "Echo: And now?", "a message of the customer opens it again"

    @needs("sending")
    def test_the_vendor_learns_whose_message_it_is(self, rehearsal: Rehearsal) -> None:
        rehearsal.say("Hello.")
        [message] = rehearsal.vendor.delivered()
        [reply] = rehearsal.stored.messages("out")
        assert message.to == rehearsal.customer() == reply.address
        assert reply.provider_message_id, "Sent() should carry the vendor's id: receipts and echoes name it"
