"""What an admin says of a lead is read with care, and kept as prompts and lists need it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from receptionist import Sender
from receptionist.db import Scope
from receptionist.errors import LeadError
from receptionist.services.leads import lead_fields, lead_status, lead_values, leads
from receptionist.services.leads.lead_fields import OwnField
from receptionist.services.leads.lead_values import LeadReader
from receptionist.services.leads.leads import LeadChange
from tests.harness.house import House

Act = Callable[..., Any]

OWN = (
    OwnField(1, "visits", "Visits so far", "number", ()),
    OwnField(2, "since", "Since", "date", ()),
    OwnField(3, "member", "Member", "yes_no", ()),
    OwnField(4, "size", "Size", "choice", ("S", "M", "L")),
)


def test_values_are_made_into_the_form_that_is_compared(add: Act, act: Act) -> None:
    lead_id = add(
        name="  Ada\n Lovelace ",
        email="Ada@EXAMPLE.org",
        phone="030 / 123 456",
        company="Ｅngine\u200b Ltd",
        status="Qualified",
        language="zh_hans-cn",
        timezone="Europe/Berlin",
        tags="VIP, press ,vip",
        notes="likes engines",
    )
    lead = act(leads.get, lead_id)
    assert lead["name"] == "Ada Lovelace"
    assert lead["company"] == "Ｅngine\u200b Ltd", "the original is kept"
    assert (lead["email"], lead["phone"]) == ("Ada@example.org", "+4930123456")
    assert (lead["language"], lead["timezone"], lead["tags"]) == ("zh-Hans-CN", "Europe/Berlin", ["press", "vip"])
    assert [(row.before, row.after, row.by) for row in act(lead_status.history, lead_id)] == [
        ("new", "qualified", "Ann")
    ]


@pytest.mark.parametrize(
    ("field", "text", "says"),
    [
        ("email", "ada at example", "not an e-mail address"),
        ("email", "a@b.c" * 80, "not an e-mail address"),
        ("phone", "call me", "not a phone number"),
        ("status", "friend", "there are: new, contacted"),
        ("language", "German please", "not a language"),
        ("timezone", "../../etc/passwd", "no such time zone"),
        ("name", "x" * 201, "longer than 200"),
        ("notes", "x" * 8001, "longer than 8000"),
        ("tags", "x" * 41, "at most 40"),
        ("tags", ",".join(f"tag {n}" for n in range(31)), "at most 30"),
        ("shoe size", "44", "no such field"),
        ("custom.visits", "many", "not a number"),
        ("custom.visits", "1e999", "not a number"),
        ("custom.since", "30.11.2026", "not a day"),
        ("custom.member", "perhaps", "yes or no"),
        ("custom.size", "XXL", "none of the choices: S, M, L"),
    ],
)
def test_each_wrong_field_is_named_with_its_reason(field: str, text: str, says: str) -> None:
    reader = LeadReader("DE", OWN)
    with pytest.raises(LeadError) as caught:
        reader.read({"company": "Acme", field: text})
    assert says in caught.value.fields.pop(field)
    assert not caught.value.fields


def test_an_address_that_is_another_leads_is_refused_by_its_number(add: Act, change: Act, other_account: int) -> None:
    first, second = add(email="ada@example.org"), add(name="Ada")
    add(account=other_account, email="ada@example.org")
    with pytest.raises(LeadError) as caught:
        change(second, email="ada@EXAMPLE.ORG", phone="+4930123456")
    assert caught.value.fields == {"email": f"Lead {first} has it already; if they are one person, merge them."}
    assert change(first, email="ada@new.example") == ("email",)
    assert change(second, email="ada@example.org") == ("email",), "who corrects an address gives the old one up"


def test_every_change_reaches_prompts_and_what_is_the_same_is_no_change(
    house: House, act: Act, add: Act, change: Act
) -> None:
    _own_fields(act)
    lead_id = add(name="Ada", tags="vip")
    version, _ = act(leads.with_version, lead_id)
    given = {"custom__visits": "3.5", "custom__member": "Yes", "custom__size": "m", "custom__since": "2026-11-30"}
    assert set(change(lead_id, **given)) == {name.replace("__", ".") for name in given}
    assert act(leads.get, lead_id)["custom"] == {"visits": 3.5, "member": True, "size": "M", "since": "2026-11-30"}
    assert change(lead_id, name="Ada", tags="VIP", custom__visits="3.5") == ()
    assert act(leads.with_version, lead_id)[0] == version + 1
    assert act(lead_values.tag, lead_id, ["press"], ["VIP"])
    assert act(leads.with_version, lead_id)[0] == version + 2
    act(lead_values.add_note, lead_id, "called back")
    number, lead = act(leads.with_version, lead_id)
    assert (number, lead["tags"], lead["notes"]) == (version + 3, ["press"], "called back")
    assert set(change(lead_id, name="", custom__visits="")) == {"name", "custom.visits"}
    assert act(leads.get, lead_id)["name"] is None


def test_a_field_that_is_removed_goes_from_every_lead(act: Act, add: Act, other_account: int) -> None:
    _own_fields(act)
    act(lead_fields.add, "visits", "number", account=other_account)
    ours, bare = add(name="Ada", **{"custom.visits": "3", "custom.size": "L"}), add(name="Bob")
    theirs = add(account=other_account, name="Bo", **{"custom.visits": "4"})
    version = act(leads.with_version, ours)[0]
    assert act(lead_fields.remove, "visits") == 1
    assert act(leads.with_version, ours) == (version + 1, act(leads.get, ours))
    assert act(leads.get, ours)["custom"] == {"size": "L"}
    assert act(leads.get, bare)["custom"] == {}
    assert act(leads.get, theirs, account=other_account)["custom"] == {"visits": 4}


def test_fields_that_cannot_be(act: Act) -> None:
    _own_fields(act)
    for name, kind, choices, says in (
        ("Shoe size", "text", (), "small letters"),
        ("x'); DROP TABLE leads; --", "text", (), "small letters"),
        ("size", "text", (), "already a field size"),
        ("colour", "choice", (), "Name the choices"),
        ("colour", "choice", ("Red", "ＲＥＤ"), "nothing but capitals"),
        ("colour", "text", ("Red",), "of no other"),
        ("colour", "blob", (), "no kind blob"),
    ):
        with pytest.raises(LeadError, match=says):
            act(lead_fields.add, name, kind, choices=choices)


def test_a_field_keeps_its_kind_and_leads_what_they_have(act: Act, add: Act, change: Act) -> None:
    _own_fields(act)
    lead_id = add(name="Ada", **{"custom.size": "S"})
    field = act(lead_fields.change, "size", title="Shirt", choices=["M", "L", "XL"])
    assert (field.title, field.kind, field.choices) == ("Shirt", "choice", ("M", "L", "XL"))
    assert act(leads.get, lead_id)["custom"] == {"size": "S"}
    with pytest.raises(LeadError):
        change(lead_id, custom__size="S")


def test_another_accounts_leads_are_not_there(act: Act, add: Act, change: Act, other_account: int) -> None:
    lead_id = add(name="Ada")
    for attempt in (
        lambda: change(lead_id, account=other_account, name="Eve"),
        lambda: act(lead_values.add_note, lead_id, "x", account=other_account),
        lambda: act(lead_values.tag, lead_id, ["x"], account=other_account),
        lambda: act(leads.find, lead_id, account=other_account),
    ):
        with pytest.raises(LeadError, match=f"There is no lead {lead_id}."):
            attempt()


def test_a_note_of_the_agent_costs_no_more_than_before(house: House, act: Act, add: Act) -> None:
    lead_id = add(name="Ada")
    said: list[str] = []
    with house.parts.database.begin() as connection:
        event.listen(connection, "before_cursor_execute", lambda *about: said.append(about[2]))
        leads.change(Scope(connection, 1), lead_id, LeadChange(note="x"))
        assert len(said) == 2
        leads.create(Scope(connection, 1), Sender("visitor:1"))
        assert len(said) == 3, "who has no name yet has no words"


def _own_fields(act: Act) -> None:
    for field in OWN:
        act(lead_fields.add, field.name, field.kind, title=field.title, choices=field.choices)
