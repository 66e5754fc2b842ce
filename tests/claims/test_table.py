"""The judge over the table of replies, its speed, and its files."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from receptionist.agents.claims import claims_of, unbacked
from receptionist.agents.claims.rules import GROUPS, LANGUAGES, rules
from receptionist.errors import SettingsError
from tests.claims.table import MADE_ON, ORIGINS, read, score

USUAL = (
    "Hello Anna! We are open from 9 am to 6 pm on weekdays, and until 2 pm on Saturday. A men's haircut costs 25 euros "
    "and takes about half an hour. Would you like me to look for a free appointment on Friday? Or book online."
)
HOSTILE = (
    *("i have ", "your ", "booked ", "ich habe gebucht wenn ", "i have booked you if ", "a", "... ", '"“', "'"),
    *("I'll ", "your table is booked once ", "?", "3. ", "somebody a our ", "sie bekommen ", "nous avons reserve si "),
    *("the table is ", "la cita esta ", "der termin ist ", "le rendez-vous est ", "i and booked ", "put you "),
    *("was your not has been booked ", "i, , , ", "Booked! ", "su la el queda ", "«", "\n", "–", "à", "_", "( "),
)


def test_the_table_is_large_and_even() -> None:
    cases = [case for path in ORIGINS for case in read(path)]
    counted = Counter((case.language, bool(case.says)) for case in cases)
    assert len(cases) >= 890
    assert set(counted) == {(language, claims) for language in LANGUAGES for claims in (True, False)}
    assert min(counted.values()) >= 95
    assert len({case.reply for case in cases}) == len(cases)


def test_on_what_the_rules_were_made_on() -> None:
    found = score(read(MADE_ON))
    assert (found.missed, found.false_alarms, found.of_another_kind) == ([], [], [])


def test_no_plain_false_booking_is_missed() -> None:
    found = score([case for path in ORIGINS for case in read(path)])
    assert [case for case in found.missed if "booked" in case.says] == []
    assert found.recall >= 0.99, found.missed
    assert found.alarm_rate < 0.02, found.false_alarms


@pytest.mark.parametrize(
    ("done", "reply", "left"),
    [
        ((), "I've booked you in for 3 pm.", ["booked"]),
        (("booked",), "I've booked you in for 3 pm.", []),
        (("noted",), "I've booked you in for 3 pm.", ["booked"]),
        (("booked",), "I've cancelled it and booked you in for 3 pm.", ["cancelled"]),
        (("handed_over",), "Somebody will call you back.", []),
        (("callback",), "Wir rufen Sie morgen zurück.", []),
        (("noted",), "Te llamaremos esta tarde.", ["promised"]),
        (("sent",), "Vous recevrez un SMS de confirmation.", []),
        ((), "All done!", ["done"]),
        (("noted",), "All done!", []),
    ],
)
def test_what_backs_what(done: tuple[str, ...], reply: str, left: list[str]) -> None:
    assert [claim.kind for claim in unbacked(reply, done)] == left


def test_a_claim_knows_its_place() -> None:
    reply = "Hello “Anna”!\nI’ve booked you for 3 p.m. tomorrow. See you!"
    [claim] = claims_of(reply)
    assert claim.sentence == "I’ve booked you for 3 p.m. tomorrow."
    assert reply[claim.start : claim.end].strip() == claim.sentence
    assert (claim.kind, claim.group, claim.language) == ("booked", "performed", "en")
    assert claims_of(reply, "de") == []


def test_quotation_marks_around_everything_hide_nothing() -> None:
    assert [claim.kind for claim in claims_of("“I have booked you in for 3 pm.”")] == ["booked"]


def test_a_flood_of_claims_is_one_piece() -> None:
    reply = "I booked it. " * 500 + "All is well."
    assert claims_of(reply)[-1].end == len(reply)


def test_a_lie_behind_many_harmless_sentences_is_found() -> None:
    reply = "Bookings can be booked if it is not booked, " * 300 + "and now I have booked you."
    assert [claim.kind for claim in claims_of(reply)] == ["booked"]


@pytest.mark.parametrize("text", ["", " ", "\0", "\ud800", "😀" * 50, "¿", "...", "“”", "I've"])
def test_odd_text_claims_nothing(text: str) -> None:
    assert claims_of(text) == []


def _milliseconds(text: str, times: int) -> float:
    """CPU time, the best of a few, so that others on the machine do not count."""
    claims_of(text)
    took = []
    for _ in range(times):
        begun = time.thread_time()
        claims_of(text)
        took.append(1000 * (time.thread_time() - begun))
    return min(took)


@pytest.mark.alone
def test_a_usual_reply_takes_no_time() -> None:
    """0.15 ms where the machine is quick and quiet; `make bench` has the figure."""
    assert _milliseconds(USUAL, 50) < 1


@pytest.mark.alone
@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_text_takes_bounded_time(piece: str) -> None:
    text = (piece * (20_000 // len(piece) + 1))[:19_900]
    for end in ("", " is booked for you", " wurde gebucht", " te he reservado mail"):
        assert _milliseconds(text + end, 2) < 150


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rule_can_be_used(language: str) -> None:
    found = rules(language)
    assert {pattern.group for pattern in found.patterns if pattern.regex.pattern} == set(GROUPS)
    assert {claim.kind for claim in claims_of(found.safe)} <= {"promised"}  # a person is asked for


def test_there_are_no_other_languages() -> None:
    with pytest.raises(SettingsError, match=r"no rules for xx; there are: en, es, de, fr"):
        rules("xx")
