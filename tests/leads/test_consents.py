"""An admin's word on consent: a refusal holds for every address; the customer's own STOP is not overruled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from receptionist import Inbound, Sender
from receptionist.errors import LeadError
from receptionist.pipeline.eraser import Eraser
from receptionist.services.leads import consent, lead_merge, lead_search
from tests.harness.house import Customer, House

Act = Callable[..., Any]


def known(act: Act, lead_id: int = 1) -> list[tuple[str, str, str]]:
    return [(row.channel, row.state, row.source) for row in act(consent.known, lead_id).values()]


def send(customer: Customer, text: str, word: Any = "") -> None:
    message = Inbound(f"{text} {customer.address}", Sender(customer.address), text, consent=word)
    customer.house.parts.host.take_in(customer.line, [message])
    customer.house.drain()


def pull(customer: Customer, word: Any, seconds_ago: float) -> None:
    """A word that was sent so long ago is found in the vendor's list."""
    at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    message = Inbound(f"{word} {at}", Sender(customer.address), word.upper(), sent_at=at, consent=word)
    customer.house.parts.host.take_in(customer.line, [message], pulled=True)
    customer.house.drain()


def test_what_customers_say_is_kept_and_an_admin_cannot_take_a_stop_back(house: House, act: Act) -> None:
    customer, consents = house.texter(), house.parts.consents
    send(customer, "STOP", "stop")
    assert known(act) == [("loopback", "refused", "message")]
    assert act(consents.refuse, 1, "loopback", "Ann") is False
    with pytest.raises(LeadError, match="only the customer can allow them again, by writing START"):
        act(consents.grant, 1, "loopback", "Ann")
    send(customer, "START", "start")
    assert known(act) == [("loopback", "granted", "message")]
    assert act(lead_search.listed, opted_out=True).rows == []


def test_an_admins_refusal_silences_and_can_be_taken_back(house: House, act: Act) -> None:
    customer, consents = house.texter(), house.parts.consents
    send(customer, "hello")
    assert act(consents.refuse, 1, "loopback", "Ann") is True
    send(customer, "anybody?")
    assert "anybody?" not in " ".join(customer.replies())
    assert known(act) == [("loopback", "refused", "Ann")]
    assert act(consents.grant, 1, "loopback", "Ben") is True
    assert act(consents.grant, 1, "loopback", "Ben") is False
    send(customer, "and now?")
    assert "and now?" in customer.replies()[-1]
    assert known(act) == [("loopback", "granted", "Ben")]


def test_a_refusal_holds_for_a_number_that_has_not_written_yet(house: House, act: Act, add: Callable[..., int]) -> None:
    customer, consents = house.texter(), house.parts.consents
    customer.address = "+4930123456"
    lead_id = add(name="Ada", phone=customer.address)
    act(consents.refuse, lead_id, "loopback", "Ann")
    send(customer, "hello")
    assert customer.replies() == []
    send(customer, "START", "start")
    send(customer, "hello again")
    assert "hello again" in customer.replies()[-1]


def test_an_admins_refusal_after_a_stop_stays_the_customers(house: House, act: Act) -> None:
    customer, consents = house.texter(), house.parts.consents
    send(customer, "STOP", "stop")
    house.sql("INSERT INTO identities (account_id, lead_id, kind, value, created_at)"
              " SELECT account_id, lead_id, kind, 'second', created_at FROM identities")  # fmt: skip
    assert act(consents.refuse, 1, "loopback", "Ann") is True, "the second address is new"
    with pytest.raises(LeadError, match="START"):
        act(consents.grant, 1, "loopback", "Ann")


def test_a_refusal_is_known_again_of_who_was_erased(house: House, act: Act) -> None:
    customer = house.texter()
    send(customer, "STOP", "stop")
    Eraser(house.parts).erase(1, 1, "Ann")
    send(customer, "hello")
    assert customer.replies() == []
    assert [row.id for row in act(lead_search.listed, opted_out=True).rows] == [2]
    assert known(act, 2) == [("loopback", "refused", "message")]


def test_a_start_is_kept_also_of_who_had_not_refused_but_a_yes_is_not(house: House, act: Act) -> None:
    customer = house.texter()
    send(customer, "Yes.", "start")
    assert known(act) == []
    send(customer, "START", "start")
    assert known(act) == [("loopback", "granted", "message")]


def test_a_lost_stop_counts_whatever_an_admin_said_since(house: House, act: Act) -> None:
    customer = house.texter()
    send(customer, "hello")
    assert act(house.parts.consents.grant, 1, "loopback", "Ann") is True
    pull(customer, "stop", 60)
    send(customer, "anybody?")
    assert "anybody?" not in " ".join(customer.replies())
    assert known(act) == [("loopback", "refused", "message")]


def test_a_stop_after_an_admins_refusal_is_the_customers(house: House, act: Act) -> None:
    customer, consents = house.texter(), house.parts.consents
    send(customer, "hello")
    act(consents.refuse, 1, "loopback", "Ann")
    send(customer, "STOP", "stop")
    with pytest.raises(LeadError, match="START"):
        act(consents.grant, 1, "loopback", "Ann")


def test_a_start_from_another_address_takes_back_no_lost_stop(house: House, act: Act) -> None:
    customer = house.texter()
    send(customer, "START", "start")
    house.sql("INSERT INTO identities (account_id, lead_id, kind, value, created_at)"
              " SELECT account_id, lead_id, kind, 'second', created_at FROM identities")  # fmt: skip
    pull(customer, "stop", 60)
    assert known(act) == [("loopback", "refused", "message")]


def test_a_lost_start_lifts_an_older_stop_of_who_was_erased(house: House, act: Act) -> None:
    customer = house.texter()
    pull(customer, "stop", 120)
    Eraser(house.parts).erase(1, 1, "Ann")
    pull(customer, "start", 60)
    send(customer, "hello")
    assert "hello" in customer.replies()[-1]


def test_a_merge_makes_no_start_newer(house: House, act: Act) -> None:
    first, second = house.texter(), house.texter()
    send(first, "hello")
    pull(second, "start", 120)
    before = act(consent.known, 2)["loopback"].changed_at
    act(lead_merge.merge, house.parts.consents, 1, 2, "Ann")
    assert act(consent.known, 1)["loopback"].changed_at == before


def test_another_accounts_lead_has_no_consent(house: House, act: Act, other_account: int) -> None:
    send(house.texter(), "hello")
    for change in (house.parts.consents.refuse, house.parts.consents.grant):
        with pytest.raises(LeadError, match="There is no lead 1"):
            act(change, 1, "loopback", "Eve", account=other_account)
    assert known(act) == []
