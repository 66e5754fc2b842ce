"""Messages whose webhook never came are fetched from the vendor: once, by one process, and not from long ago."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from receptionist.pipeline.asker import OLDEST, Asker
from tests.harness.house import Customer, House
from tests.servers.vendor_server import VendorServer


@pytest.fixture
def missed(house: House, vendor: VendorServer) -> Iterator[Customer]:
    """Somebody whose message is at the vendor only."""
    customer = house.texter("askable")
    vendor.missed[customer.line.key] = [{"id": "lost-1", "from": customer.address, "text": "Is anybody there?"}]
    yield customer
    vendor.missed.clear()


def test_what_was_missed_is_answered_once(house: House, missed: Customer) -> None:
    Asker(house.parts).ask()
    house.drain()
    missed.send("Is anybody there?", ids=["lost-1"])  # the vendor's retry comes after all
    house.sql("UPDATE lines SET ask_due_at = NULL")
    Asker(house.parts).ask()
    house.drain()
    assert missed.replies() == ["Echo: Is anybody there?"]


def test_one_process_asks_at_a_time(house: House, missed: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[datetime] = []
    channel = house.parts.channels["loopback"]

    def note(line: Any, since: datetime) -> list[Any]:
        asked.append(since)
        return []

    monkeypatch.setattr(channel, "missed", note)
    Asker(house.parts).ask()
    Asker(house.parts).ask()
    assert len(asked) == 3, "each of the three lines once"


def test_after_a_long_pause_only_the_last_day_is_asked_for(
    house: House, missed: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[datetime] = []
    channel = house.parts.channels["loopback"]
    monkeypatch.setattr(channel, "missed", lambda line, since: asked.append(since) or [])
    house.sql("UPDATE lines SET asked_at = '2020-01-01 00:00:00.000000+00:00'")
    Asker(house.parts).ask()
    ages = [datetime.now(asked[0].tzinfo) - since for since in asked]
    assert all(abs(age - OLDEST) < timedelta(minutes=1) for age in ages)


def test_a_vendor_that_is_away_stops_no_other(house: House, missed: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = house.parts.channels["loopback"]
    really = channel.missed

    def away(line: Any, since: datetime) -> Any:
        if line.title != "askable":
            raise ConnectionError("away")
        return really(line, since)

    monkeypatch.setattr(channel, "missed", away)
    Asker(house.parts).ask()
    house.drain()
    assert len(missed.replies()) == 1
    asked = house.sql("SELECT title FROM lines WHERE asked_at IS NOT NULL AND channel = 'loopback'")
    assert asked == [("askable",)]
