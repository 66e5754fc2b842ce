"""S62: letters that look like others, cannot be seen, or come by the thousand."""

from __future__ import annotations

import time
import unicodedata

import pytest

from receptionist import Inbound, Sender
from receptionist.db import Scope
from receptionist.services.leads import lead_search
from receptionist.text import MOST_MARKS, storable
from tests.harness.house import House
from tests.servers.brain import Brain

LONG = 100_000
FLOODS = {
    "marks in disorder": "\u0301\u0327",
    "marks that become several": "\u0f73",
    "letters that become marks": "\uff9e\u0301",
}
"""Putting 100,000 of these in order by pairs would take a processor many seconds, and all threads wait meanwhile."""


@pytest.mark.parametrize("flood", FLOODS.values(), ids=list(FLOODS))
def test_s62_a_letter_keeps_so_many_marks(flood: str) -> None:
    text = storable("z" + flood * (LONG // len(flood)) + "e\u0301")
    assert (text[0], text[-2:], len(text)) == ("z", "e\u0301", 1 + MOST_MARKS + 2)
    assert storable(text) == text


def test_s62_what_people_write_stays_as_it_is() -> None:
    for text in (
        "Zoë",
        "Lukaszewicz " * 50 + "é",
        "नमस्ते, क्या हाल है? " * 20,
        "שָׁלוֹם עֲלֵיכֶם " * 20,
        "Tiếng Việt " * 50,
        "👩🏽‍🚒" * 40,
    ):
        for form in ("NFC", "NFD"):
            assert storable(unicodedata.normalize(form, text)) == unicodedata.normalize(form, text)


def test_s62_a_flood_of_marks_is_a_message_like_any_other(desk: House, brain: Brain) -> None:
    flood = "".join(FLOODS.values()) * (LONG // 5)
    customer = desk.texter("askable")
    begun = time.thread_time()
    message = Inbound("flood-1", Sender(customer.address, name="Zo\u0308e" + flood), "Hello" + flood + " there")
    desk.parts.host.take_in(customer.line, [message])
    desk.drain()
    assert time.thread_time() - begun < 5
    [asked] = [question.asked for question in brain.questions]
    assert asked[0].startswith("Hello\u0301") and len(asked[0]) < 50
    assert len(customer.replies()) == 1
    with desk.parts.database.read() as connection:
        [lead] = lead_search.listed(Scope(connection, 1), text="zoe").rows
    assert lead.name.startswith("Zo\u0308e") and len(lead.name) < 50
    assert desk.visitor().say("And I?") == "Echo: And I?"


def test_s62_a_name_has_one_line(desk: House, brain: Brain) -> None:
    """In lists, a second one would pass for another row."""
    customer = desk.texter("askable")
    forged = "Ada\n    99  2026-01-01 00:00  new  Eve\u2028Mal\r"
    desk.parts.host.take_in(customer.line, [Inbound("lines-1", Sender(customer.address, name=forged), "Hello there")])
    desk.drain()
    with desk.parts.database.read() as connection:
        [lead] = lead_search.listed(Scope(connection, 1), text="ada").rows
    assert lead.name == "Ada 99 2026-01-01 00:00 new Eve Mal"
