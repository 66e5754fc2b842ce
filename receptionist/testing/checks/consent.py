"""Who does not want to be written to is not written to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receptionist.testing.needs import needs

if TYPE_CHECKING:
    from receptionist.testing.rehearsal import Rehearsal


class Consent:
    """STOP and START, as the law and the carriers want them."""

    @needs("consent")
    def test_who_opts_out_hears_nothing_more(self, rehearsal: Rehearsal) -> None:
        assert rehearsal.say("Hello.") == ["Echo: Hello."]
        asked = len(rehearsal.model.requests)
        assert rehearsal.say(rehearsal.case.stop_word) == []
        assert rehearsal.say("Are you still there?") == []
        rehearsal.later()
        assert rehearsal.replies() == ["Echo: Hello."]
        assert len(rehearsal.model.requests) == asked, "no agent should have been asked"
        assert [message.state for message in rehearsal.stored.messages("in")][1:] == ["silent", "silent"]

    @needs("consent")
    def test_who_opts_in_again_is_answered_again(self, rehearsal: Rehearsal) -> None:
        rehearsal.say(rehearsal.case.stop_word)
        rehearsal.say(rehearsal.case.start_word)
        _is_answered(rehearsal, f"{rehearsal.case.start_word} should have let messages through again")

    @needs("consent")
    def test_one_customer_opts_out_for_nobody_else(self, rehearsal: Rehearsal) -> None:
        rehearsal.say(rehearsal.case.stop_word)
        assert rehearsal.say("Hello.", rehearsal.customer(1)) == ["Echo: Hello."]

    @needs("consent")
    def test_the_word_within_a_sentence_is_none(self, rehearsal: Rehearsal) -> None:
        word = rehearsal.case.stop_word
        for text in (f"Please do not {word.lower()} the work on my order.", f"{word} the work on my order, please."):
            assert rehearsal.say(text) == [f"Echo: {text}"], "a sentence is no opt-out"

    @needs("consent")
    def test_the_word_in_other_letters_is_the_word(self, rehearsal: Rehearsal) -> None:
        word = rehearsal.case.stop_word
        for number, spelled in enumerate((word.lower(), word.upper())):
            customer = rehearsal.customer(number)
            assert rehearsal.say(spelled, customer) == [], f"{spelled!r} opts out as {word!r} does"
            assert rehearsal.say("Are you still there?", customer) == [], f"{spelled!r} opts out as {word!r} does"

    @needs("consent", "sending")
    def test_what_was_not_sent_yet_is_suppressed(self, rehearsal: Rehearsal) -> None:
        limit = rehearsal.channel.capabilities.text_limit
        rehearsal.model.says(" ".join(f"word-{number:04}" for number in range(limit * 5 // 2 // 10)))
        stop = rehearsal.incoming(rehearsal.case.stop_word)
        rehearsal.vendor.meanwhile(lambda first_part: _check(rehearsal.receive(stop).status_code))
        assert len(rehearsal.say("Tell me everything.")) == 1, "the part that was on its way"
        rehearsal.later()
        states = [message.state for message in rehearsal.stored.messages("out")]
        assert states[0] == "sent"
        assert len(states) > 1, "a longer text than the limit is split: what does length() say of it?"
        assert set(states[1:]) == {"suppressed"}
        assert len(rehearsal.replies()) == 1

    @needs("consent")
    def test_opting_out_twice_is_opting_out(self, rehearsal: Rehearsal) -> None:
        for _ in range(2):
            assert rehearsal.say(rehearsal.case.stop_word) == []
        rehearsal.say(rehearsal.case.start_word)
        _is_answered(rehearsal, "one START lifts what was said twice")


def _is_answered(rehearsal: Rehearsal, why: str) -> None:
    replies = rehearsal.say("Hello again.")
    assert replies, why
    assert replies[-1].endswith("Hello again.")


def _check(status: int) -> None:
    assert status // 100 == 2, f"the word was answered {status}"
