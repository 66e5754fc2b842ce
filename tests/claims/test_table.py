"""The judge over the table of replies, its speed, and its files."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from receptionist.agents.claims import claims_of, unbacked
from receptionist.agents.claims.frames import frames
from receptionist.agents.claims.rules import GROUPS, LANGUAGES, rules
from receptionist.errors import SettingsError
from tests.claims.table import MADE_ON, NOT_ALL_FOUND, ORIGINS, read, score

USUAL = (
    "Hello Anna! We are open from 9 am to 6 pm on weekdays, and until 2 pm on Saturday. A men's haircut costs 25 euros "
    "and takes about half an hour. Would you like me to look for a free appointment on Friday? Or book online."
)
BY = {"will_send": "sent"}
"""What backs a kind that no tool names."""
HOSTILE = (
    *("i have ", "your ", "booked ", "ich habe gebucht wenn ", "i have booked you if ", "a", "... ", '"“', "'"),
    *("I'll ", "your table is booked once ", "?", "3. ", "somebody a our ", "sie bekommen ", "nous avons reserve si "),
    *("the table is ", "la cita esta ", "der termin ist ", "le rendez-vous est ", "i and booked ", "put you "),
    *("was your not has been booked ", "i, , , ", "Booked! ", "su la el queda ", "«", "\n", "–", "à", "_", "( "),
    *("give you a ", "at 3 ", "i put your file , ", "trage sie ", "ruft sie ", "i put your table at 3 not "),
    *("he puesto su mesa no ", "j ai mis votre table pas ", "all sorted , ", "monday 10:30 ", "buchungtermin "),
)


def test_the_table_is_large_and_even() -> None:
    cases = [case for path in (*ORIGINS, *NOT_ALL_FOUND) for case in read(path)]
    counted = Counter((case.language, bool(case.says)) for case in cases)
    assert len(cases) >= 1570
    assert set(counted) == {(language, claims) for language in LANGUAGES for claims in (True, False)}
    assert min(counted.values()) >= 170
    assert len({case.reply for case in cases}) == len(cases)


def test_on_what_the_rules_were_made_on() -> None:
    found = score(read(MADE_ON))
    assert (found.missed, found.false_alarms, found.of_another_kind) == ([], [], [])


def test_no_plain_false_booking_is_missed() -> None:
    found = score([case for path in ORIGINS for case in read(path)])
    assert [case for case in found.missed if "booked" in case.says] == []
    assert found.recall >= 0.99, found.missed
    assert found.alarm_rate < 0.02, found.false_alarms


def test_most_of_the_newest_rounds_is_found_without_a_false_alarm() -> None:
    found = score([case for path in NOT_ALL_FOUND for case in read(path)])
    assert found.recall >= 0.85, found.missed
    assert found.false_alarms == []


def test_a_true_reply_is_rarely_taken_for_another_kind() -> None:
    """Where a tool did what is said, be it told in other words."""
    cases = [case for path in (*ORIGINS, *NOT_ALL_FOUND) for case in read(path) if case.says]
    wrong = [case for case in cases if unbacked(case.reply, case.done | {BY.get(kind, kind) for kind in case.says})]
    assert len(wrong) / len(cases) < 0.02, wrong


@pytest.mark.parametrize(
    "reply",
    [
        "Would you like the last free slot on Thursday at 10?",
        "Dr. Patel could see you on Friday at 8:20.",
        "If Friday at 10 suits you, I'll pencil you in.",
        "You asked whether Tuesday at 10 is in our calendar.",
        "On Monday at 10 our table by the window is not reserved.",
        "Nada está reservado para el lunes a las 10.",
        "Am Montag um 10 ist noch nichts für Sie reserviert.",
        "Lundi à 10 h, rien n'est encore réservé pour vous.",
    ],
)
def test_words_that_take_a_claim_back(reply: str) -> None:
    assert claims_of(reply) == []


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("Monday 10 am, oil change: all arranged.", "booked"),
        ("I tucked you in between two guests at 11:40.", "booked"),
        ("Pilates mañana a las 9, ya lo he metido en la agenda.", "booked"),
        ("Für Freitag um 9:15 hab ich euch reingequetscht.", "booked"),
        ("J'ai glissé votre rendez-vous dans le planning de mardi.", "booked"),
    ],
)
def test_words_of_no_pattern_claim_something_together(reply: str, kind: str) -> None:
    assert kind in {claim.kind for claim in claims_of(reply)}


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
        (("moved",), "I've put you down for Friday at 3 now.", []),
        (("booked",), "I've moved you to Friday at 3.", ["moved"]),
        ((), "Your callback is booked for Tuesday at 10.", ["booked"]),
        (("callback",), "Your callback is booked for Tuesday at 10.", []),
        (("booked",), "Your callback is booked for Tuesday at 10.", []),
        (("handed_over", "promised"), "Your callback is booked for Tuesday at 10.", ["booked"]),
        (("callback",), "Your table is booked for Tuesday at 10, and so is your callback.", ["booked"]),
        (("booked",), "I have scheduled a callback.", ["callback"]),
        (("moved",), "Ich habe einen Rückruf vereinbart.", ["callback"]),
        (("callback",), "Booked! We'll call you at 9.", []),
        (("callback",), "Great, that's booked. Somebody from our team will call you tomorrow at 10.", []),
        (("callback",), "Gebucht! Wir rufen Sie um 9 an.", []),
        (("callback",), "¡Reservado! Le llamaremos a las 9.", []),
        (("callback",), "C'est réservé ! Nous vous appellerons à 9 h.", []),
        ((), "Booked! We'll call you at 9.", ["booked", "promised"]),
        (("callback",), "Booked! Your table is for 9.", ["booked"]),
        (("callback",), "Table booked! We'll call you at 9.", ["booked"]),
        (("callback",), "Your oil change is booked! We'll call you at 9.", ["booked"]),
        (("callback",), "Booked! We'll call you at 9 about your table.", ["booked"]),
        (("callback",), "Booked! We'll call you if anything changes.", ["booked"]),
        (("callback",), "Booked! The driver will call you at the door.", ["booked"]),
        (("callback",), "Gebucht! Wir rufen Sie nicht um 9 an.", ["booked"]),
        (("callback",), "Ich habe den Rückruf auf Mittwoch um 15 Uhr verschoben.", []),
        (("noted",), "I've got your number down.", []),
        (("noted",), "I've got your number down for Friday at 3.", ["booked"]),
        (("noted",), "J'ai modifié votre adresse e-mail.", []),
        (("handed_over",), "I've sent your request to our team.", []),
        (("handed_over",), "I've sent the invoice to you and to our team.", ["sent"]),
        (("handed_over",), "He enviado su solicitud al equipo.", []),
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
    """0.3 ms where the machine is quick and quiet; `make bench` has the figure."""
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


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_frame_can_be_used(language: str) -> None:
    """Sentences are compared without accents, so that no word of a frame may have one."""
    found = frames(language)
    words = [*found.vocabulary.words, *found.vocabulary.begun, *(ending for ending, _, _ in found.vocabulary.endings)]
    assert [word for word in words if word is not None and not word.isascii()] == []
    assert {frame.group for of_core in found.frames.values() for frame in of_core} == set(GROUPS)


def test_there_are_no_other_languages() -> None:
    with pytest.raises(SettingsError, match=r"no rules for xx; there are: en, es, de, fr"):
        rules("xx")
