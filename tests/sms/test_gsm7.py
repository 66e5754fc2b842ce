"""Segments, and what keeps a text in the cheap alphabet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.twilio_sms.channel import Sms
from plugins.twilio_sms.gsm7 import BASIC, EXTENDED, is_gsm7, plain, segments, units
from tests.servers import twilio_rules
from tests.sms.fake_host import FakeHost

EMOJI = "\U0001f600"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 152, 3),  # the two places of € do not fit into the first part
        ("é" * 160, 1),
        ("ç" * 70, 1),
        ("ç" * 71, 2),
        ("ç" * 134, 2),
        ("ç" * 135, 3),
        (EMOJI * 35, 1),
        (EMOJI * 36, 2),
        (EMOJI * 66, 2),
        (EMOJI * 67, 3),  # 67 units hold 33 emoji
        ("a" * 70 + EMOJI, 2),
        ("`", 1),
    ],
)
def test_segments(text: str, count: int) -> None:
    assert segments(text) == count


def test_the_alphabet_is_complete() -> None:
    assert (len(BASIC), len(EXTENDED)) == (127, 10)  # 128 places, one of which leads to the extension
    assert (BASIC, EXTENDED) == (twilio_rules.GSM, twilio_rules.GSM_DOUBLE)
    assert "ç" not in BASIC


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("\u201cHi\u201d \u2013 it\u2019s 5\u00a0pm\u2026", '"Hi" - it\'s 5 pm...'),
        ("\u2022 one\u2028\u2022 two", "- one\n- two"),
        ("\u202f\u2009\u3000\ufeff", "   "),
        ("a\r\nb\rc\x00\x0b\x1b\x9f\ud800", "a\nb\nc"),
        ("\u00abOui\u00bb", '"Oui"'),
        ("10\u22125", "10-5"),
        ("łódź ñ ÿ Ω € 你好 " + EMOJI, "łódź ñ ÿ Ω € 你好 " + EMOJI),
    ],
)
def test_typography_becomes_plain_and_letters_stay(text: str, wanted: str) -> None:
    assert plain(text) == wanted
    assert plain(wanted) == wanted


def test_a_models_reply_costs_half() -> None:
    reply = "We\u2019re open 9\u201317 \u2014 see you soon\u2026 " * 4
    assert (segments(reply), segments(plain(reply))) == (2, 1)
    assert is_gsm7(plain(reply))


@given(st.text(max_size=200), st.text(max_size=20))
def test_length_never_shrinks_and_letters_are_kept(text: str, more: str) -> None:
    channel = Sms(FakeHost())
    assert channel.length(text) <= channel.length(text + more)
    letters = [character for character in text if character.isalnum()]
    assert [character for character in plain(text) if character.isalnum()] == letters
    assert segments(text) >= max(1, units(text) // 160)


def test_length_is_what_twilio_counts() -> None:
    channel = Sms(FakeHost())
    assert channel.capabilities.text_limit == 1600
    assert [channel.length(text) for text in ("abc", "\u2026", EMOJI, "€")] == [3, 3, 2, 1]
