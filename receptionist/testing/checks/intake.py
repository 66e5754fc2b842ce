"""Every message once, in order, and to its own customer."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from receptionist.testing.needs import needs

if TYPE_CHECKING:
    from receptionist.testing.rehearsal import Rehearsal

_JUNK: tuple[Any, ...] = (None, {}, [], 7, "x", {"id": {}}, [[[]]])


class Intake:
    """What vendors do all the time: they repeat, bundle and reorder."""

    def test_a_message_sent_again_is_stored_once(self, rehearsal: Rehearsal) -> None:
        message = rehearsal.incoming("Are you there?")
        assert [rehearsal.receive(message).status_code // 100 for _ in range(2)] == [2, 2]
        rehearsal.work()
        assert rehearsal.receive(message).status_code // 100 == 2, "after the answer"
        rehearsal.work()
        assert [each.text for each in rehearsal.stored.messages("in")] == ["Are you there?"]
        assert rehearsal.replies() == ["Echo: Are you there?"]

    def test_the_same_text_again_is_another_message(self, rehearsal: Rehearsal) -> None:
        for count in (1, 2):
            assert rehearsal.say("Yes.") == ["Echo: Yes."], f"{count}: a message is known by its id, not by its text"
        assert len(rehearsal.stored.messages("in")) == 2

    def test_a_message_sent_eight_times_at_once_is_stored_once(self, rehearsal: Rehearsal) -> None:
        request = rehearsal.case.request(rehearsal.line, [rehearsal.incoming("All at once.")])
        with ThreadPoolExecutor(8) as pool:
            statuses = [response.status_code for response in pool.map(rehearsal.post, [request] * 8)]
        assert [status for status in statuses if status // 100 != 2] == []
        rehearsal.work()
        assert len(rehearsal.stored.messages("in")) == 1
        assert rehearsal.replies() == ["Echo: All at once."]

    def test_an_id_is_known_on_its_own_line_only(self, rehearsal: Rehearsal) -> None:
        other = rehearsal.add_line()
        first = rehearsal.incoming("On one line.")
        second = rehearsal.incoming("On the other.", rehearsal.customer(0, other), first.id)
        assert rehearsal.receive(first).status_code // 100 == 2
        assert rehearsal.receive(second, line=other).status_code // 100 == 2
        assert [each.text for each in rehearsal.stored.messages("in")] == ["On one line.", "On the other."]

    def test_what_comes_out_of_order_is_not_lost(self, rehearsal: Rehearsal) -> None:
        older, newer = rehearsal.incoming("Older."), rehearsal.incoming("Newer.")
        for message in (newer, older):
            assert rehearsal.receive(message).status_code // 100 == 2
            rehearsal.work()
        assert rehearsal.replies() == ["Echo: Newer.", "Echo: Older."]

    def test_an_empty_message_stops_no_later_one(self, rehearsal: Rehearsal) -> None:
        assert rehearsal.receive(rehearsal.incoming("")).status_code < 500
        rehearsal.work()
        assert rehearsal.say("Still there?")[-1].endswith("Still there?")

    def test_customers_are_never_mixed(self, rehearsal: Rehearsal) -> None:
        people = [rehearsal.customer(number) for number in range(2)]
        assert len(set(people)) == 2, "the case has one address for two customers"
        for round_ in range(3):
            for person in people:
                response = rehearsal.receive(rehearsal.incoming(f"{round_} of {people.index(person)}.", person))
                assert response.status_code // 100 == 2
            rehearsal.work()
        for number, person in enumerate(people):
            assert rehearsal.replies(person) == [f"Echo: {round_} of {number}." for round_ in range(3)]
        assert len(rehearsal.stored.leads()) == 2

    @needs("batches")
    def test_all_messages_of_a_batch_are_taken(self, rehearsal: Rehearsal) -> None:
        people = [rehearsal.customer(number) for number in (0, 1, 0)]
        messages = [rehearsal.incoming(f"Number {number}.", person) for number, person in enumerate(people)]
        assert rehearsal.receive(*messages).status_code // 100 == 2
        rehearsal.work()
        assert rehearsal.replies(people[0]) == ["Echo: Number 0. | Number 2."]
        assert rehearsal.replies(people[1]) == ["Echo: Number 1."]

    @needs("batches")
    def test_a_bad_item_of_a_batch_costs_no_other(self, rehearsal: Rehearsal) -> None:
        for junk in _JUNK:
            before = len(rehearsal.stored.messages())
            payload = rehearsal.case.payload(rehearsal.line, [rehearsal.incoming(text) for text in ("A.", "B.", "C.")])
            items = _list_of(payload, 3)
            assert items is not None, "payload() of a case that batches must hold a list with an item for each message"
            items[1] = junk
            status = rehearsal.post(rehearsal.case.signed(rehearsal.line, payload)).status_code
            assert status // 100 == 2, f"a batch with {junk!r} in it was answered {status}"
            new = [message.text for message in rehearsal.stored.messages()[before:]]
            assert new == ["A.", "C."], f"of a batch with {junk!r} in it"


def _list_of(payload: Any, length: int) -> list[Any] | None:
    """The first list of this length within a payload."""
    if isinstance(payload, list) and len(payload) == length:
        return payload
    inside: Sequence[Any] = ()
    if isinstance(payload, dict):
        inside = list(payload.values())
    elif isinstance(payload, list):
        inside = payload
    return next((found for each in inside if (found := _list_of(each, length)) is not None), None)
