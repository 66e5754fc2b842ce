"""An e-mail address is one and the same however its capitals are written, and is kept as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from receptionist import Inbound, Sender, emails
from receptionist.db import Scope
from receptionist.errors import LeadError
from receptionist.models import Identity, Lead
from receptionist.services.leads import lead_addresses, lead_match, lead_merge, lead_values, leads
from tests.harness.house import House

Act = Callable[..., Any]


def test_capitals_make_no_second_lead(add: Act, change: Act, act: Act) -> None:
    first, second = add(email="Ada.L@EXAMPLE.org"), add(name="Bo")
    assert act(leads.get, first)["email"] == "Ada.L@example.org", "as it is written, so that mail arrives"
    for given in ("ada.l@example.org", "ADA.L@example.org"):
        with pytest.raises(LeadError, match=f"Lead {first} has it already"):
            add(email=given)
        with pytest.raises(LeadError, match=f"Lead {first} has it already"):
            change(second, email=given)
        assert act(leads.owner_of, email=given, phone=None) == first
    values = lead_values.LeadReader(None, ()).read({"email": "aDA.l@example.ORG"})
    assert act(lead_match.known, values) == first


def test_an_address_written_otherwise_is_kept_and_still_the_leads(add: Act, change: Act, act: Act) -> None:
    lead_id = add(email="ada@example.org")
    assert change(lead_id, email="Ada@example.org") == ("email",)
    assert act(leads.get, lead_id)["email"] == "Ada@example.org"
    assert act(lead_addresses.holder, "email", "ADA@EXAMPLE.ORG") == lead_id
    assert change(lead_id, email="bo@example.org") == ("email",)
    assert act(lead_addresses.holder, "email", "ada@example.org") is None, "the old one is given up"


def test_one_that_a_migration_left_with_capitals_is_given_up_like_any_other(add: Act, change: Act, act: Act) -> None:
    twin, kept = add(name="Bo", email="bo@example.org"), add(name="Bob", email="bob@example.org")
    act(_as_before, kept, "Bo@example.org")
    change(kept, email="new@example.org")
    assert [row.value for row in act(lead_addresses.of, kept)] == ["new@example.org"]
    assert act(lead_addresses.holder, "email", "bo@example.org") == twin


def _as_before(scope: Scope, lead_id: int, email: str) -> None:
    """As 0006 leaves a lead whose address another one has without capitals."""
    scope.run(scope.update(Lead).where(Lead.id == lead_id).values(email=email))
    scope.run(scope.update(Identity).where(Identity.lead_id == lead_id).values(value=email))


def test_who_proves_or_writes_it_in_other_capitals_is_the_lead_or_suggested(house: House, add: Act, act: Act) -> None:
    known = add(name="Ada", email="Ada@example.org")
    visitor = house.visitor()
    proved = Sender(visitor.sender.address, verified_email="aDa@example.org")
    house.parts.host.take_in(visitor.line, [Inbound("m1", proved, "hello")])
    assert act(leads.owner_of, email="ada@EXAMPLE.org", phone=None) == known
    stranger = add(name="Stranger")
    act(leads.change, stranger, leads.LeadChange(email="ADA@example.org"))
    [suggestion], _ = act(lead_merge.suggested)
    assert suggestion.value == "ada@example.org"
    assert {known, stranger} <= {row.id for row in suggestion.leads}


def test_two_who_only_said_it_are_told_apart_by_nobody(add: Act, act: Act) -> None:
    first, second = add(name="Ada"), add(name="Bo")
    act(leads.change, first, leads.LeadChange(email="Ada@example.org"))
    act(leads.change, second, leads.LeadChange(email="ada@example.org"))
    [suggestion], _ = act(lead_merge.suggested)
    assert [row.id for row in suggestion.leads] == [first, second]
    values = lead_values.LeadReader(None, ()).read({"email": "ADA@example.org"})
    with pytest.raises(LeadError, match=f"said to be lead {first}'s and lead {second}'s; merge the two"):
        act(lead_match.known, values)


def test_a_long_name_hides_no_address(add: Act, act: Act) -> None:
    first, second = add(name="A b " * 50, company="C d " * 50), add(name="Bo")
    act(leads.change, first, leads.LeadChange(email="ada@example.org"))
    act(leads.change, second, leads.LeadChange(email="Ada@example.org"))
    assert len(act(lead_merge.suggested)[0]) == 1


@pytest.mark.parametrize("other", ["\u212aay@example.org", "k\u0131y@example.org", "zo\u00eb@example.org"])
def test_no_two_other_letters_become_one(add: Act, act: Act, other: str) -> None:
    """Folding as Unicode would take the Kelvin sign for a k: whoever has that mailbox would be somebody else."""
    add(email="kay@example.org")
    add(email="zoe@example.org")
    assert emails.key(other) == other
    assert act(leads.owner_of, email=other, phone=None) is None
