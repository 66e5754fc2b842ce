"""Phone numbers as people write them, and whose lead they lead to."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receptionist import Inbound, Sender, e164
from receptionist.db import Scope
from receptionist.phones import is_country
from receptionist.services import accounts
from receptionist.services.leads import leads
from tests.harness.house import House
from tests.people.conftest import Command


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("0170 1234567", "DE", "+491701234567"),
        ("030/901820", "DE", "+4930901820"),
        ("+49 (0)170 1234567", "FR", "+491701234567"),
        ("00491701234567", "DE", "+491701234567"),
        ("0664 123456", "AT", "+43664123456"),
        ("044 668 18 00", "CH", "+41446681800"),
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("06 1234 5678", "IT", "+390612345678"),  # Italy keeps the zero
        ("020 7946 0018", "GB", "+442079460018"),
        ("07911 123456", "GB", "+447911123456"),
        ("087 123 4567", "IE", "+353871234567"),
        ("(212) 555-0123", "US", "+12125550123"),
        ("1 212 555 0123", "CA", "+12125550123"),
        ("011 49 170 1234567", "US", "+491701234567"),
        ("98765 43210", "IN", "+919876543210"),
        ("11 96123-4567", "BR", "+5511961234567"),
        ("tel:+1-212-555-0123", None, "+12125550123"),
        ("+353 20 915 0142", None, "+353209150142"),
        (" +49.170.1234567\n", None, "+491701234567"),
        ("+49–170–1234567", None, "+491701234567"),
        ("\u202a+49 170 1234567\u202c", None, "+491701234567"),  # as address books copy it
        ("٠١٧٠١٢٣٤٥٦٧", "DE", "+491701234567"),
        ("０１７０ １２３４５６７", "DE", "+491701234567"),
        ("0170 1234567", None, None),  # of which country?
        ("0170 1234567", "XX", None),
        ("0170 1234567", "de", None),
        ("555 1234", "US", None),  # without its area code
        ("112", "DE", None),
        ("+1 212 555", None, None),
        ("+4917012345678901", None, None),
        ("+999 123456", None, None),
        ("++49 170 1234567", None, None),
        ("1-800-FLOWERS", "US", None),
        ("0170 1234567 ext. 5", "DE", None),
        ("0170 1234567 or 030 901820", "DE", None),
        ("0170 1234567;phone-context=evil.example", "DE", None),
        ("0170 1234567\nBcc: all@example.com", "DE", None),
        ("0170\x001234567", "DE", None),
        ("\ud800 0170 1234567", "DE", None),
        ("' OR 1=1 --", "DE", None),
        ("+", None, None),
        ("", "DE", None),
        ("0", "DE", None),
        ("call me", "DE", None),
        ("(" * 40, "DE", None),
        ("1" * 41, "DE", None),
    ],
)
def test_numbers(text: str, country: str | None, number: str | None) -> None:
    assert e164(text, country) == number
    if number is not None:
        assert e164(number, None) == number


def test_a_giant_text_costs_nothing() -> None:
    begun = time.perf_counter()
    for text in ("1" * 5_000_000, "+" * 5_000_000, "(" * 5_000_000, "\u0660" * 5_000_000):
        assert e164(text, "DE") is None
    assert time.perf_counter() - begun < 0.5


@given(st.text(max_size=60), st.sampled_from([None, "DE", "US", "IT", "XX", ""]))
def test_anything_is_a_number_or_is_not(text: str, country: str | None) -> None:
    found = e164(text, country)
    assert found is None or (found[0] == "+" and found[1:].isascii() and found[1:].isdigit() and len(found) <= 16)


def test_countries() -> None:
    assert is_country("DE") and is_country("IE")
    assert not any(map(is_country, ("de", "Germany", "XX", "", "001")))


def test_the_country_of_an_account(house: House, command: Command) -> None:
    command("account", "add", "Harbour Cycles", "--timezone", "Europe/Dublin", "--country", "IE")
    command("account", "change", "--country", "DE", "--account", "Test House")
    listed = command("account", "list")
    assert "Harbour Cycles  (Europe/Dublin, IE)" in listed and "Test House  (Europe/Berlin, DE)" in listed
    said = command("account", "change", "--country", "Germany", "--account", "Test House", fails=True)
    assert "no country Germany; write its two letters" in said
    assert "no country de" in command("account", "add", "B", "--country", "de", fails=True)


def write(house: House, sender: Sender, key: str = "askable", text: str = "Hello?") -> int:
    """Take a message in; the lead's id."""
    line = house.texter(key).line if key != "webchat" else house.visitor().line
    house.parts.take_in(line, [Inbound(f"{key}-{sender.address}-{text}", sender, text)])
    [row] = house.sql("SELECT lead_id FROM messages ORDER BY id DESC LIMIT 1")
    return int(row.lead_id)


def identities(house: House) -> set[tuple[int, str, str]]:
    """Whose each address is."""
    return {tuple(row) for row in house.sql("SELECT lead_id, kind, value FROM identities")}


def test_who_writes_from_a_phone_has_its_number(house: House) -> None:
    number = "+491701234567"
    lead_id = write(house, Sender(number, verified_phone=number))
    assert house.sql("SELECT phone FROM leads") == [(number,)]
    assert identities(house) == {(lead_id, "channel:loopback", number), (lead_id, "phone", number)}


@pytest.mark.parametrize(
    ("told", "kept"),
    [("+49 170 1234567", "+491701234567"), ("+5215512345678", "+5215512345678"), ("32665", None), ("ACME", None)],
)
def test_a_number_is_kept_in_one_form(told: str, kept: str | None, house: House) -> None:
    write(house, Sender("somebody", verified_phone=told))
    assert house.sql("SELECT phone FROM leads") == [(kept,)]
    assert [value for _, kind, value in identities(house) if kind == "phone"] == ([kept] if kept else [])


def test_no_number_is_taken_from_the_lead_that_has_it(house: House) -> None:
    number = "+491701234567"
    first = write(house, Sender(number, verified_phone=number))
    second = write(house, Sender("visitor:1", verified_phone=number), "webchat")
    assert first != second
    assert (first, "phone", number) in identities(house)
    assert len([value for _, kind, value in identities(house) if kind == "phone"]) == 1
    assert write(house, Sender(number, verified_phone=number), text="Me again") == first


def test_with_known_customers_the_same_number_is_the_same_lead(open_house: Callable[..., House]) -> None:
    from tests.harness.instance import left_out

    names = left_out().split(",")
    house = open_house(DISABLED_PLUGINS=",".join(name for name in names if name != "known_customers"))
    number = "+491701234567"
    first = write(house, Sender(number, verified_phone=number))
    assert write(house, Sender("visitor:1", verified_phone="+49 170 1234567"), "webchat") == first
    assert len(house.sql("SELECT id FROM leads")) == 1


@pytest.mark.parametrize(
    ("phone", "country", "found"),
    [
        ("+491701234567", None, True),
        ("+49 170 1234567", None, True),
        ("0170 1234567", "DE", True),
        ("0170 1234567", "AT", False),
        ("0170 1234567", None, False),
        ("nonsense", "DE", False),
        ("", "DE", False),
    ],
)
def test_leads_are_found_by_their_number(phone: str, country: str | None, found: bool, house: House) -> None:
    lead_id = write(house, Sender("x", verified_phone="+491701234567"))
    with house.parts.database.begin() as connection:
        accounts.change(Scope(connection, 1), name=None, timezone=None, country=country)
    assert house.parts.host.find_lead(1, phone=phone) == (lead_id if found else None)
    assert house.parts.host.find_lead(2, phone="+491701234567") is None


def test_a_number_a_customer_tells_is_read_in_the_accounts_country(open_house: Callable[..., House]) -> None:
    from tests.harness.instance import left_out

    names = left_out().split(",")
    house = open_house(DISABLED_PLUGINS=",".join(name for name in names if name != "lead_tools"))
    house.publish(tools=["note_lead"])
    visitor = house.visitor()
    told = '{"name": null, "phone": "0170 1234567", "email": null, "company": null, "note": null}'
    assert "kept as a note" in visitor.say(f"call note_lead {told}")
    [lead] = house.sql("SELECT phone, notes FROM leads")
    assert tuple(lead) == (None, "Phone number as the customer wrote it: 0170 1234567")
    with house.parts.database.begin() as connection:
        accounts.change(Scope(connection, 1), name=None, timezone=None, country="DE")
    assert "+491701234567" in visitor.say(f"call note_lead {told}")
    assert house.sql("SELECT phone FROM leads") == [("+491701234567",)]
    with house.parts.database.read() as connection:
        assert leads.number_of(Scope(connection, 1), "0170-1234567") == "+491701234567"
