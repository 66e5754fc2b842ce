"""What the vendor reports about a message, whenever and however often it reports it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receptionist.contracts.messages import Delivery as Status
from receptionist.testing.case import Delivered, Request
from receptionist.testing.needs import needs

if TYPE_CHECKING:
    from receptionist.testing.rehearsal import Rehearsal


class Receipts:
    """Receipts come late, twice, out of order, and before we know that we sent."""

    @needs("sending", "receipts")
    def test_a_receipt_says_how_far_a_message_got(self, rehearsal: Rehearsal) -> None:
        message = _sent(rehearsal)
        for status in ("sent", "delivered"):
            _report(rehearsal, message, status)
            assert _delivery(rehearsal) == status

    @needs("sending", "receipts")
    def test_a_late_receipt_takes_nothing_back(self, rehearsal: Rehearsal) -> None:
        message = _sent(rehearsal)
        for status in ("delivered", "sent", "delivered"):
            _report(rehearsal, message, status)
        assert _delivery(rehearsal) == "delivered"
        assert len(rehearsal.stored.messages("out")) == 1

    @needs("sending", "receipts")
    def test_a_message_that_failed_on_its_way_is_seen(self, rehearsal: Rehearsal) -> None:
        _report(rehearsal, _sent(rehearsal), "failed")
        [reply] = rehearsal.stored.messages("out")
        assert (reply.state, reply.delivery) == ("failed", "failed")
        assert reply.error
        rehearsal.later()
        assert len(rehearsal.replies()) == 1, "what the vendor took is not sent again"

    @needs("sending", "receipts")
    def test_a_receipt_before_the_answer_is_not_lost(self, rehearsal: Rehearsal) -> None:
        early: list[tuple[Request, int]] = []

        def report(message: Delivered) -> None:
            request = rehearsal.case.receipt(rehearsal.line, message, "delivered")
            early.append((request, rehearsal.post(request).status_code))

        rehearsal.vendor.meanwhile(report)
        assert rehearsal.say("Quick?") == ["Echo: Quick?"]
        [(request, status)] = early
        assert status // 100 == 2 or status == 503, f"an early receipt was answered {status}"
        if status == 503:  # the vendor tries again
            assert rehearsal.post(request).status_code // 100 == 2
        [reply] = rehearsal.stored.messages("out")
        assert (reply.state, reply.delivery) == ("sent", "delivered")

    @needs("sending", "receipts")
    def test_a_receipt_tells_what_became_of_a_lost_answer(self, rehearsal: Rehearsal) -> None:
        rehearsal.vendor.lose_answer()
        rehearsal.say("Do you hear me?")
        [message] = rehearsal.delivered()
        _report(rehearsal, message, "delivered")
        [reply] = rehearsal.stored.messages("out")
        if reply.delivery == "delivered":  # it names our key, or the vendor could be asked
            assert (reply.state, reply.error) == ("sent", None)
        rehearsal.later()
        assert rehearsal.replies() == ["Echo: Do you hear me?"]

    @needs("sending", "receipts")
    def test_a_receipt_of_an_unknown_message_is_passed_over(self, rehearsal: Rehearsal) -> None:
        known = _sent(rehearsal)
        other = rehearsal.add_line()
        request = rehearsal.case.receipt(other, known, "failed")
        assert rehearsal.post(request).status_code // 100 == 2, "its vendor would try again for ever"
        [reply] = rehearsal.stored.messages("out")
        assert (reply.state, reply.delivery) == ("sent", None), "another line may not change it"


def _sent(rehearsal: Rehearsal) -> Delivered:
    rehearsal.say("Hello.")
    [message] = rehearsal.delivered()
    return message


def _report(rehearsal: Rehearsal, message: Delivered, status: Status) -> None:
    response = rehearsal.post(rehearsal.case.receipt(rehearsal.line, message, status))
    assert response.status_code // 100 == 2, f"the receipt {status} was answered {response.status}"


def _delivery(rehearsal: Rehearsal) -> str | None:
    return rehearsal.stored.messages("out")[-1].delivery
