"""`receptionist lead`, as an admin types it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from receptionist.contracts.events import LeadChanged
from tests.core.test_cli import call
from tests.harness.house import House

Type = Callable[..., str]


@pytest.fixture
def lead(house: House) -> Type:
    """`lead("show", "1")`: what the command prints."""
    call(house.parts, "account", "change", "--country", "DE")
    return lambda *words, **named: call(house.parts, "lead", *words, **named)


def test_a_lead_is_added_changed_listed_and_shown(house: House, lead: Type) -> None:
    for kind in (("choice",), ("text", "--choice", "S")):
        assert "--choice" in lead("fields", "add", "size", *kind, fails=True)
    lead("fields", "add", "size", "choice", "--title", "Shirt size", "--choice", "S", "--choice", "M")
    lead("fields", "change", "size", "--choice", "S", "--choice", "L")
    assert "Shirt size: S, L" in lead("fields", "list")
    said = lead("add", "name=Ada \x1b[31mLovelace", "phone=030 123456", "tags=vip", "custom.size=l", "notes=a=b")
    assert said == "Lead 1 is there. The phone number is +4930123456.\n"
    assert "The phone number is +4930123457." in lead("set", "1", "phone=030 123457")
    lead("set", "1", "phone=030 123456")
    lead("set", "1", "email=ada@EXAMPLE.org", "company=Engines", "timezone=Europe/Berlin", "language=en-gb")
    lead("status", "1", "customer")
    lead("tag", "1", "Press", "vip")
    assert "phone" not in lead("set", "1", "company=Engines Ltd")
    lead("untag", "1", "VIP")
    lead("note", "1", "called back")
    lead("consent", "1", "loopback", "refused")
    shown = lead("show", "1")
    for says in (
        "Ada [31mLovelace",
        "ada@example.org",
        "+4930123456",
        "customer",
        "press",
        "en-GB",
        "size         L",
        "a=b\n             called back",
        "identity     phone +4930123456",
        "consent      loopback: refused",
        "new to customer",
        "none; added",
    ):
        assert says in shown
    assert "vip" not in shown and "\x1b" not in shown
    listed = lead("list", "--search", "ada 030", "--status", "customer", "--tag", "press", "--opted-out")
    assert "+4930123456" in listed and "\x1b" not in listed
    assert lead("list", "--channel", "loopback") == lead("list", "--not-opted-out") == "None.\n"
    assert "1 lead had a value" in lead("fields", "remove", "size", "--yes")
    assert "size " not in lead("show", "1")
    assert "so already" in lead("status", "1", "customer")


def test_pages_and_merges(house: House, lead: Type) -> None:
    for name in ("One", "Two", "Three"):
        lead("add", f"name={name}")
    first = lead("list", "--limit", "2")
    assert [line.split()[-1] for line in first.splitlines()[:2]] == ["Three", "Two"]
    cursor = first.split("--before ")[1].split()[0]
    assert lead("list", "--before", cursor).split()[-1] == "One"
    assert "lead unmerge 1" in lead("merge", "1", "2")
    shown = lead("show", "2")
    assert "Lead 2 was merged into this one" in shown and "Lead 1: One" in shown and "2 into 1" in shown
    assert "two again" in lead("unmerge", "1")
    assert "undone" in lead("show", "1")
    assert lead("suggested") == "None.\n"
    house.sql("INSERT INTO identities (account_id, lead_id, kind, value, created_at)"
              " SELECT account_id, id, 'shared:phone', '+4930', created_at FROM leads WHERE id = 1")  # fmt: skip
    house.sql("UPDATE leads SET phone = '+4930' WHERE id = 3")
    suggested = lead("suggested")
    assert [says in suggested for says in ("phone +4930", "One", "Two", "Three, +4930")] == [True, True, False, True]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("show", "9"), "There is no lead 9"),
        (("set", "9", "name=x"), "There is no lead 9"),
        (("add", "email=x", "phone=y"), "email: This is not an e-mail address"),
        (("add", "colour=red"), "no such field; there are: name, email"),
        (("add", "name"), "NAME=VALUE"),
        (("add", "name=", "notes=x"), "A lead needs a name, an e-mail address, a phone number or a company"),
        (("list", "--before", "nonsense"), "begin with the first page"),
        (("list", "--status", "friend"), "there are: new, contacted"),
        (("list", "--strategy", "None"), "no strategy None; there are: House"),
        (("merge", "1", "1"), "There is no lead 1"),
        (("consent", "1", "pigeon", "granted"), "no channel pigeon"),
        (("fields", "remove", "x", "--yes"), "no field x"),
    ],
)
def test_mistakes_are_answered_with_the_cure(lead: Type, words: tuple[str, ...], says: str) -> None:
    assert says in lead(*words, fails=True)


def test_plugins_hear_of_what_an_admin_changes(house: House, lead: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Any] = []
    monkeypatch.setattr("receptionist.parts.Parts.emit", lambda _, event: heard.append(event))
    lead("add", "name=Ada")
    lead("set", "1", "name=Ada", "company=Engines")
    lead("set", "1", "company=Engines")
    assert heard == [LeadChanged(1, 1, ("name",)), LeadChanged(1, 1, ("company",))]
