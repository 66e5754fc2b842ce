"""Lists of leads: whom a search finds, in what order, page by page; nothing in it is a command to the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from receptionist import Inbound, Sender
from receptionist.errors import LeadError
from receptionist.models import Lead
from receptionist.services.leads import lead_search, leads
from receptionist.services.leads.leads import LeadChange
from receptionist.services.strategies import assignment, strategies
from tests.harness.databases import first_on_both
from tests.harness.house import House

Act = Callable[..., Any]


def found(act: Act, text: str | None = None, **filters: Any) -> list[str]:
    """Names, in the order of the list."""
    return [row.name for row in act(lead_search.listed, text=text, **filters).rows]


def test_words_are_found_however_they_are_written(act: Act, add: Act, change: Act, other_account: int) -> None:
    jurgen = add(name="Jürgen Łukaszewicz", company="Straße & Söhne", phone="0170 1234567", email="J.L@Example.org")
    add(name="Zoë 100%_real' OR 1=1 --")
    add(name="Jürgen elsewhere", account=other_account)
    for text in (
        "jurgen",
        "JÜR",
        "ｊｕｒｇｅｎ",
        "ju\u0308rg",
        "j\u200bür\u202egen",
        "lukaszewicz jürgen",
        "strasse",
        "sohne jur",
        "0170 123",
        "+49 (170) 12",
        "0049170123",
        "1701234567",
        "٠١٧٠١٢",
        "j.l@example.org",
        "J.L@EXAM",
        "example.org",
        "jürgen 0170",
    ):
        assert found(act, text) == ["Jürgen Łukaszewicz"], text
    for text in ("urgen", "jurgen zoe", "jurgen@", "0171", "%", "_", "l%sz", "' ''='", "\\", "\0", "\u202e"):
        assert found(act, text) == [], text
    assert found(act, "100%_real' OR 1=1 --") == ["Zoë 100%_real' OR 1=1 --"]
    change(jurgen, name="Jörg", phone="")
    assert (found(act, "jurgen"), found(act, "0170"), found(act, "jorg sohne")) == ([], [], ["Jörg"])


def test_what_channels_and_agents_learn_is_found_at_once(house: House, act: Act) -> None:
    lead_id = act(leads.create, Sender("x", name="Grace Hopper", verified_phone="+4930123456"))
    assert found(act, "hopper 030123") == ["Grace Hopper"]
    act(leads.change, lead_id, LeadChange(company="Navy", email="grace@NAVY.example"))
    assert found(act, "navy grace@navy.ex") == ["Grace Hopper"]
    act(leads.change, lead_id, LeadChange(name="Amazing Grace"))
    assert found(act, "hopper") == []


def test_filters_hold_together(house: House, act: Act, add: Act) -> None:
    customer = house.texter()
    customer.send("hello")
    line = customer.line
    house.parts.host.take_in(line, [Inbound("m-2", Sender("quiet", name="Quiet"), "STOP", consent="stop")])
    own = add(name="Own", tags="VIP", status="lost")
    add(name="Plain", tags="vip,press")
    strategy_id = act(strategies.find, "House").id
    act(assignment.give_lead, own, strategy_id, "Ann")
    assert set(found(act, channel="loopback")) == {None, "Quiet"}
    assert found(act, opted_out=True) == ["Quiet"]
    assert set(found(act, opted_out=False)) == {None, "Own", "Plain"}
    assert found(act, tag="ＶＩＰ", status="LOST") == found(act, "own", tag="vip") == ["Own"]
    assert found(act, strategy_id=strategy_id) == ["Own"]
    assert found(act, tag="press", status="lost") == found(act, channel="smoke signals") == []
    with pytest.raises(LeadError, match="no status friend"):
        found(act, status="friend")


@pytest.mark.parametrize("few", [1500, 2])
def test_pages_show_every_lead_once_in_order_while_others_come(
    act: Act, add: Act, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """However large the sets: looked up, or looked through in steps."""
    monkeypatch.setattr(lead_search, "FEW", few)
    monkeypatch.setattr(lead_search, "LOOKED", 5)
    ids = [add(name=f"Person {n}", tags="even" if n % 2 == 0 else "odd") for n in range(1, 24)]
    act(lambda scope: scope.run(scope.update(Lead).values(recent_at=sa.literal_column("created_at"))))
    for filters, wanted in (
        ({}, ids[::-1]),
        ({"text": "person"}, ids[::-1]),
        ({"tag": "even"}, ids[1::2][::-1]),
        ({"tag": "even", "text": "per 2"}, [ids[21], ids[19], ids[1]]),
    ):
        seen, before = [], None
        while True:
            page = act(lead_search.listed, **filters, before=before, limit=4)
            seen += [row.id for row in page.rows]
            before = page.before
            if before is None:
                break
        newest = sorted(wanted, reverse=True)
        assert seen == newest, filters
    first = act(lead_search.listed, limit=4)
    add(name="Newcomer")
    second = act(lead_search.listed, before=first.before, limit=4)
    assert [row.id for row in second.rows] == ids[::-1][4:8]


@first_on_both("cursor", ["WyIyMDI2LTAxLTAxIiwxXQ", "", "x", "bm9uc2Vuc2U", "WzEsMl0", "bnVsbA", "\u00e9", "W" * 5000])
def test_a_cursor_that_is_none_is_refused(act: Act, cursor: str) -> None:
    with pytest.raises(LeadError, match="begin with the first page"):
        act(lead_search.listed, before=cursor)
