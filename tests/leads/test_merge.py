"""Two leads become one and two again, while customers go on writing and turns are running."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from receptionist import Inbound, Sender
from receptionist.db import Scope
from receptionist.errors import LeadError
from receptionist.models import Conversation, Identity, Lead, LeadTag, Message, Session
from receptionist.pipeline.eraser import Eraser
from receptionist.services import accounts, limits
from receptionist.services.leads import consent, lead_merge, lead_search, lead_unmerge, lead_values, leads
from receptionist.services.strategies import assignment, strategies
from tests.harness.house import Customer, House
from tests.harness.instance import STRATEGY
from tests.harness.waiting import eventually
from tests.leads.canary import traces

Act = Callable[..., Any]


@pytest.fixture
def merge(house: House, act: Act) -> Callable[[int, int], int]:
    """`merge(kept_id, merged_id)`: the id of the merge."""
    return lambda kept, merged: int(act(lead_merge.merge, house.parts.consents, kept, merged, "Ann"))


@pytest.fixture
def unmerge(house: House, act: Act) -> Callable[[int], Any]:
    """`unmerge(merge_id)`: the ids of both."""
    return lambda merge_id: act(lead_unmerge.unmerge, house.parts.consents, merge_id, "Ann")


def lead_of(act: Act, customer: Customer) -> int:
    """The lead that has the customer's address."""
    return int(act(lambda scope: scope.first(scope.select(Identity).where(Identity.value == customer.address))).lead_id)


def rows(act: Act, model: Any, *columns: str) -> list[Any]:
    """All rows of a table, by id, without when they changed."""
    left_out = {"version", "updated_at"}
    found = act(lambda scope: scope.all(scope.select(model).order_by(model.id)))
    return [
        {k: v for k, v in row._mapping.items() if k not in left_out and k in (columns or row._mapping)} for row in found
    ]


def two(house: House, act: Act, change: Act) -> tuple[Customer, int, Customer, int]:
    """Two customers with a conversation each on the same line."""
    first, second = house.texter(), house.texter()
    for customer in (first, second):
        customer.send("hello")
        house.drain()
    one, other = lead_of(act, first), lead_of(act, second)
    change(one, name="Ada", notes="likes tea", tags="vip", language="en")
    change(other, name="Countess", email="ada@example.org", notes="likes engines", tags="press,vip", company="Engines")
    return first, one, second, other


def test_all_goes_to_one_and_exactly_back(house: House, act: Act, change: Act, merge: Act, unmerge: Act) -> None:
    _, one, _, other = two(house, act, change)
    tables = (Lead, Identity, Conversation, Message, LeadTag)
    stripped = {LeadTag: ("lead_id", "tag")}
    before = {each: rows(act, each, *stripped.get(each, ())) for each in tables}
    number = merge(one, other)
    lead = act(leads.get, other)
    assert lead == act(leads.get, one), "who asks for the merged one gets the kept one"
    assert (lead["name"], lead["email"], lead["company"]) == ("Ada", "ada@example.org", "Engines")
    assert (lead["notes"], lead["tags"]) == ("likes tea\nlikes engines", ["press", "vip"])
    assert act(leads.find, one).interaction_count == 2
    assert {row["lead_id"] for each in (Identity, Conversation, Message) for row in rows(act, each)} == {one}
    assert sorted(row["state"] for row in rows(act, Conversation)) == ["archived", "open"]
    assert [row.id for row in act(lead_search.listed).rows] == [one]
    assert [row.id for row in act(lead_search.listed, text="engines ada@ex").rows] == [one]
    assert set(unmerge(number)) == {one, other}
    after = {each: rows(act, each, *stripped.get(each, ())) for each in tables}
    assert {each: sorted(map(str, found)) for each, found in after.items()} == {
        each: sorted(map(str, found)) for each, found in before.items()
    }
    assert [row.id for row in act(lead_search.listed, text="countess").rows] == [other]
    assert [row.name for row in act(lead_search.listed, text="ada").rows] == ["Countess", "Ada"], "one by her address"
    assert [row.name for row in act(lead_search.listed, text="engines").rows] == ["Countess"]


def test_both_addresses_write_into_one_conversation_and_part_again(
    house: House, act: Act, change: Act, merge: Act, unmerge: Act
) -> None:
    first, one, second, other = two(house, act, change)
    number = merge(one, other)
    for customer in (first, second, first):  # what processes remember of both is old
        customer.send("still me")
        house.drain()
        assert "still me" in customer.replies()[-1]
    written = [row for row in rows(act, Message) if row["text"] == "still me"]
    assert {row["lead_id"] for row in written} == {one}
    assert len({row["conversation_id"] for row in written}) == 1
    assert act(leads.find, one).interaction_count == 5
    house.sql("UPDATE conversations SET state = 'archived' WHERE state = 'open'")
    second.send("a new matter")
    house.drain()
    begun = rows(act, Conversation)[-1]
    assert (begun["lead_id"], begun["address"]) == (one, second.address)
    unmerge(number)
    assert rows(act, Conversation)[-1]["lead_id"] == other == rows(act, Message)[-1]["lead_id"]
    for customer, lead_id in ((first, one), (second, other)):
        customer.send("who am I?")
        house.drain()
        assert rows(act, Message)[-1]["lead_id"] == lead_id
    counts = {row["id"]: row["interaction_count"] for row in rows(act, Lead)}
    written = [row["lead_id"] for row in rows(act, Message) if row["direction"] == "in"]
    assert counts == {one: written.count(one), other: written.count(other)}


def test_what_was_used_stays_with_who_used_it(house: House, act: Act, change: Act, merge: Act, unmerge: Act) -> None:
    _, one, second, other = two(house, act, change)
    number = merge(one, other)
    second.send("still me")
    house.drain()
    unmerge(number)
    second.send("me again")
    house.drain()
    house.runner.usage.flush()
    month = limits.last_days(act(accounts.timezone), 1)[0].replace(day=1)
    used = {row.subject_id: (row.name, row.turns) for row in act(limits.usage_of_leads, month=month)}
    assert used == {one: ("Ada", 2), other: ("Countess", 2)}


def test_what_somebody_changed_since_stays(act: Act, add: Act, change: Act, merge: Act, unmerge: Act) -> None:
    kept = add(name="Ada", notes="one")
    gone = add(
        name="Countess", email="ada@example.org", company="Engines", notes="two", tags="press", phone="030 123456"
    )
    number = merge(kept, gone)
    change(kept, company="Looms", tags="press,vip")
    act(lead_values.add_note, kept, "three")
    unmerge(number)
    lead = act(leads.get, kept)
    assert (lead["name"], lead["company"], lead["email"], lead["phone"]) == ("Ada", "Looms", None, None)
    assert (lead["notes"], lead["tags"]) == ("one\nthree", ["vip"])
    assert act(leads.owner_of, email="ada@example.org", phone=None) == gone


def test_who_is_being_answered_is_not_merged(house: House, act: Act, change: Act, merge: Act, unmerge: Act) -> None:
    first, one, second, other = two(house, act, change)
    house.sql("UPDATE conversations SET lease_owner = 'w', lease_until = created_at WHERE lead_id = :id", id=other)
    with pytest.raises(LeadError, match="in a moment"):
        merge(one, other)
    house.sql("UPDATE conversations SET lease_owner = NULL, lease_until = NULL")
    first.send("this waits in the older conversation")
    second.send("and this in the newer one")
    with pytest.raises(LeadError, match="in a moment"):
        merge(one, other)
    house.drain()
    number = merge(one, other)
    house.sql("UPDATE conversations SET lease_owner = 'w', lease_until = created_at")
    with pytest.raises(LeadError, match="in a moment"):
        unmerge(number)


def test_a_refusal_wins_and_start_from_either_address_lifts_it(
    house: House, act: Act, change: Act, merge: Act, unmerge: Act
) -> None:
    first, one, second, other = two(house, act, change)
    _stop(house, second, "stop")
    number = merge(one, other)
    assert act(consent.known, one)["loopback"].state == "refused"
    first.send("anybody there?")
    house.drain()
    assert "anybody there?" not in " ".join(first.replies())
    unmerge(number)
    assert (act(consent.known, one), act(consent.known, other)["loopback"].state) == ({}, "refused")
    first.send("and now?")
    second.send("I did say stop")
    house.drain()
    assert "and now?" in first.replies()[-1]
    assert "I did" not in " ".join(second.replies())
    merge(one, other)
    _stop(house, first, "start")
    second.send("back again")
    house.drain()
    assert "back again" in second.replies()[-1]


def test_a_consent_comes_back_with_the_moment_it_was_given(
    house: House, act: Act, change: Act, merge: Act, unmerge: Act
) -> None:
    _, one, second, other = two(house, act, change)
    act(house.parts.consents.grant, one, "loopback", "Ann")
    house.sql("UPDATE consents SET changed_at = '2026-01-02 03:04:05.678901+00:00'")
    before = act(consent.known, one)["loopback"]
    _stop(house, second, "stop")
    number = merge(one, other)
    assert act(consent.known, one)["loopback"].state == "refused"
    unmerge(number)
    assert act(consent.known, one)["loopback"] == before


def test_merges_that_cannot_be(act: Act, add: Act, merge: Act, unmerge: Act, other_account: int) -> None:
    one, other, third = add(name="A"), add(name="B"), add(name="C")
    foreign = add(account=other_account, name="Bo")
    number = merge(one, other)
    with pytest.raises(LeadError, match=f"Lead {other} was merged into lead {one} already"):
        merge(other, third)
    with pytest.raises(LeadError, match="this is one"):
        merge(third, third)
    with pytest.raises(LeadError, match=f"There is no lead {foreign}."):
        merge(one, foreign)
    with pytest.raises(LeadError, match="There is no merge 99"):
        unmerge(99)
    later = merge(third, one)
    assert act(leads.find, other).id == third
    with pytest.raises(LeadError, match="undo that merge first"):
        unmerge(number)
    unmerge(later)
    unmerge(number)
    with pytest.raises(LeadError, match="undone already"):
        unmerge(number)


def test_a_message_in_the_very_moment_of_a_merge_goes_to_the_kept_lead(
    house: House, act: Act, change: Act, merge: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plugin found the lead, and then it was merged, before the message was stored."""
    _, one, _, other = two(house, act, change)
    intake = house.parts.host._intake  # type: ignore[attr-defined]
    found = [other, one]
    monkeypatch.setattr(intake, "_find_lead", lambda *_: found.pop(0))
    merge(one, other)
    line = house.texter().line
    house.parts.host.take_in(line, [Inbound("late", Sender("new address"), "hello again")])
    assert rows(act, Message)[-1]["lead_id"] == one
    assert found == [], "it was looked up once more"


def test_messages_and_a_merge_at_the_same_time(house: House, act: Act, change: Act, database: str) -> None:
    """The message was on its way into the conversation, which then became the other lead's."""
    _, one, second, other = two(house, act, change)
    third = house.texter()
    third.send("hello")
    house.drain()
    house.parts.host._intake._places._places.clear()  # type: ignore[attr-defined]
    writers = [threading.Thread(target=each.send, args=("at the same time",)) for each in (second, third)]
    with house.parts.database.begin() as connection:
        scope = Scope(connection, 1)
        lead_merge.merge(scope, house.parts.consents, one, other, "Ann")
        for writer in writers:
            writer.start()
        if database == "postgresql":
            writers[1].join(10)
            assert not writers[1].is_alive(), "other customers do not wait"
            eventually(lambda: house.sql("SELECT 1 FROM pg_locks WHERE NOT granted"))
    for writer in writers:
        writer.join(10)
    house.drain()
    assert "at the same time" in second.replies()[-1]
    [written] = [row for row in rows(act, Message) if row["address"] == second.address and "same time" in row["text"]][
        :1
    ]
    assert written["lead_id"] == one
    assert {row["lead_id"] for row in rows(act, Conversation)} == {one, lead_of(act, third)}


def test_who_proves_anothers_address_is_suggested_and_not_joined(
    house: House, act: Act, add: Act, merge: Act, other_account: int
) -> None:
    known = add(name="Ada", email="ada@example.org")
    add(account=other_account, email="ada@example.org")
    visitor = house.visitor()

    def write(number: int, **proved: Any) -> int:
        message = Inbound(f"m{number}", Sender(visitor.sender.address, **proved), "hello")
        house.parts.host.take_in(visitor.line, [message])
        return int(rows(act, Message)[-1]["lead_id"])

    lead_id = write(1)
    assert write(2, verified_phone="+4930123456") == lead_id, "what nobody has is filled in"
    assert act(leads.get, lead_id)["phone"] == "+4930123456"
    assert act(lead_merge.suggested) == ([], None)
    assert write(3, verified_email="ada@EXAMPLE.org") == write(4, verified_email="ada@EXAMPLE.org") == lead_id != known
    assert act(leads.get, lead_id)["email"] is None
    [suggestion], _ = act(lead_merge.suggested)
    assert (suggestion.kind, suggestion.value) == ("email", "ada@example.org")
    assert {row.id for row in suggestion.leads} == {known, lead_id}
    assert act(lead_merge.suggested, account=other_account) == ([], None)
    merge(known, lead_id)
    assert act(lead_merge.suggested) == ([], None)
    assert write(5, verified_email="ada@example.org") == known


def test_who_writes_anothers_address_to_the_agent_is_suggested(act: Act, add: Act) -> None:
    known, stranger = add(phone="+4930123456"), add(name="Stranger")
    act(leads.change, stranger, leads.LeadChange(phone="+4930123456"))
    act(leads.change, stranger, leads.LeadChange(phone="+4930123456", name="Somebody"))
    [suggestion], _ = act(lead_merge.suggested)
    assert {row.id for row in suggestion.leads} == {known, stranger}
    assert act(leads.owner_of, email=None, phone="+4930123456") == known


def _stop(house: House, customer: Customer, word: Any) -> None:
    message = Inbound(f"{word} {customer.address}", Sender(customer.address), word.upper(), consent=word)
    house.parts.host.take_in(house.parts.host.line("loopback", customer.line.key), [message])
    house.drain()


def test_start_from_one_address_opens_no_conversation_of_another_that_said_stop(
    house: House, act: Act, merge: Act
) -> None:
    first, second = house.texter("idempotent"), house.texter("askable")
    for customer in (first, second):
        customer.send("hello")
        house.drain()
        _stop(house, customer, "stop")
    merge(lead_of(act, first), lead_of(act, second))
    _stop(house, first, "start")
    for customer in (first, second):
        customer.send("still there?")
        house.drain()
    assert "still there?" in first.replies()[-1]
    assert "still there?" not in " ".join(second.replies())
    _stop(house, second, "start")
    second.send("now again")
    house.drain()
    assert "now again" in second.replies()[-1]


def test_after_unmerging_each_has_the_own_words_and_erasing_one_leaves_none(
    house: House, act: Act, change: Act, merge: Act, unmerge: Act
) -> None:
    first, one, second, other = two(house, act, change)
    number = merge(one, other)
    for customer, text in ((first, "my kanarienvogel"), (second, "my papagei"), (first, "more kanarienvogel")):
        customer.send(text)
        house.drain()
    assert len({row["conversation_id"] for row in rows(act, Message) if "my " in row["text"]}) == 1
    act(lambda scope: scope.insert(Session, conversation_id=2, goals=[], calls=[], pending=[], summary="papagei"))
    unmerge(number)
    owners = {row["id"]: row["lead_id"] for row in rows(act, Conversation)}
    for row in rows(act, Message):
        assert owners[row["conversation_id"]] == row["lead_id"] == (one if row["address"] == first.address else other)
    said = act(lambda scope: scope.all(scope.select(Message).where(Message.lead_id == other).order_by(Message.seq)))
    assert [row.text for row in said] == ["hello", "Echo: hello", "my papagei", "Echo: my papagei"]
    Eraser(house.parts).erase(1, other, "Ann")
    assert traces(house, "papagei") == [] and traces(house, "kanarienvogel") != []


def test_unmerging_waits_for_a_message_that_is_not_answered_yet(
    house: House, act: Act, change: Act, merge: Act, unmerge: Act
) -> None:
    first, one, _, other = two(house, act, change)
    number = merge(one, other)
    first.send("a last word")
    with pytest.raises(LeadError, match="in a moment"):
        unmerge(number)
    house.drain()
    unmerge(number)
    assert {row["lead_id"] for row in rows(act, Message) if "a last word" in row["text"]} == {one}


def test_a_merge_takes_over_no_strategy_and_ends_conversations_with_another(
    house: House, act: Act, change: Act, merge: Act, unmerge: Act
) -> None:
    _, one, second, other = two(house, act, change)
    act(strategies.publish, "Special", strategies.parse(STRATEGY.model_dump(mode="json")), house.factory.check)
    act(assignment.give_lead, other, act(strategies.find, "Special").id, "Ann")
    second.send("with the other one")
    house.drain()
    number = merge(one, other)
    assert act(leads.find, one).strategy_id is None
    states = {row["lead_id"]: row["state"] for row in rows(act, Conversation, "lead_id", "state")}
    assert states == {one: "archived"}, "the newest of them was the special one's"
    second.send("who answers?")
    house.drain()
    assert "who answers?" in second.replies()[-1]
    assert set(unmerge(number)) == {one, other}
    assert act(leads.find, other).strategy_id is not None


def test_who_merely_said_an_address_is_suggested_when_an_admin_vouches_for_it(
    house: House, act: Act, add: Act, change: Act
) -> None:
    house.visitor().say("hello")
    act(leads.change, 1, leads.LeadChange(email="ada@example.org"))
    assert act(lead_merge.suggested) == ([], None)
    known = add(name="Ada", email="ada@example.org")
    [suggestion], _ = act(lead_merge.suggested)
    assert (suggestion.value, [row.id for row in suggestion.leads]) == ("ada@example.org", [1, known])
    act(leads.change, 1, leads.LeadChange(phone="+4930123456"))
    change(known, phone="030 123456")
    assert {each.kind for each in act(lead_merge.suggested)[0]} == {"email", "phone"}
