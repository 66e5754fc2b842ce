"""What the script reads out of short answers, and what it does not take for one."""

from __future__ import annotations

import pytest

from receptionist.agents.take_message_words import email_in, languages, name_in, phone_in, says_something


def test_every_language_has_its_texts() -> None:
    assert sorted(languages()) == ["de", "en", "es", "fr"]
    for words in languages().values():
        assert all(text.count("?") == 1 for text in (words.need, words.name, words.contact))
        assert "?" not in words.thanks + words.passed_on


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ada", "Ada"),
        ("I'm Ada Lovelace.", "Ada Lovelace"),
        ("this is Dr. Ada King-Lovelace, thanks", "Dr. Ada King-Lovelace"),
        ("Hi, Ada 0170 1234567", "Ada"),
        ("ada@example.org, Ada", "Ada"),
        ("Ich bin Jürgen von der Lippe", "Jürgen von der Lippe"),
        ("Ich heiße Jürgen, und ich brauche ein Rad", "Jürgen"),
        ("Je m'appelle Zoé et je voudrais un vélo", "Zoé"),
        ("Me llamo María de la Cruz y quiero una cita", "María de la Cruz"),
        ("Doris Day", "Doris Day"),
        ("I’m Ada Lovelace", "Ada Lovelace"),  # as phones write the apostrophe
        ("My name’s Ada", "Ada"),
        ("Sean O’Brien", "Sean O'Brien"),
        ("Hi, I'm Ada", "Ada"),
        ("Yes, it’s Ada", "Ada"),
        ("Hola, soy Lucía", "Lucía"),
        ("Bonjour, c’est Marie Dubois", "Marie Dubois"),
        ("Ada \N{WAVING HAND SIGN}", "Ada"),
        ("Ada - thanks!", "Ada"),
        ("Ada & Tom", None),
        ("Hi, it is", None),
        ("李小龙", "李小龙"),
        ("What is it to you?", None),
        ("No, thanks", None),
        ("I want an answer", None),
        ("one two three four five six", None),
        ("0170 1234567", None),
        ("", None),
        ("x" * 200, None),
        ("<script>alert(1)</script>", None),
    ],
)
def test_names(text: str, name: str | None) -> None:
    assert name_in(text, asked=True) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Hello, my name is Ada Lovelace and I want a bike", "Ada Lovelace"),
        ("Hi, I'm Ada Lovelace, I need my bike fixed", "Ada Lovelace"),
        ("Guten Tag, hier ist Jürgen Groß-Müller. Reparieren Sie Räder?", "Jürgen Groß-Müller"),
        ("Hola, soy María José y quiero una cita", "María José"),
        ("Bonjour, c'est Zoé Durand, mon vélo est cassé", "Zoé Durand"),
        ("I'm looking for Ada", None),
        ("I'm Ada", None),
        ("I'm in Berlin Mitte", None),
        ("Ich bin Stammkunde und brauche ein Rad", None),
        ("It's urgent, Ada Lovelace told me to write", None),
        ("Ada", None),
    ],
)
def test_names_that_nobody_asked_for(text: str, name: str | None) -> None:
    assert name_in(text, asked=False) == name


@pytest.mark.parametrize(
    ("text", "country", "asked", "number"),
    [
        ("0170 1234567", "DE", True, "+491701234567"),
        ("call me: (0170) 123-4567 please", "DE", True, "+491701234567"),
        ("+49 170 1234567", None, False, "+491701234567"),
        ("on 12.05.2026, please", "DE", False, None),
        ("my number is 0170 1234567, please call", "DE", False, "+491701234567"),
        ("Sie erreichen mich unter 0170/1234567.", "DE", False, "+491701234567"),
        ("Order 0170 1234567 is late", "DE", False, None),
        ("call me on 12.05.2026 10:30", "DE", False, None),
        ("call me on 12.05.2026", "DE", True, None),
        ("please call between 10.30-11.30", "DE", False, None),
        ("0170 1234567", None, True, None),
        ("12", "DE", True, None),
        ("06.12.34.56.78", "FR", True, "+33612345678"),
        ("au 06/12/34/56/78, merci", "FR", True, "+33612345678"),
        ("le 06.12.26", "FR", True, None),
        ("12.05.26-13.05.26", "DE", True, None),
        ("\u202d+49\xa0170\xa01234567\u202c", "DE", True, "+491701234567"),  # copied from a list of contacts
        ("0170\N{EN DASH}1234567", "DE", True, "+491701234567"),
    ],
)
def test_numbers(text: str, country: str | None, asked: bool, number: str | None) -> None:
    assert phone_in(text, country, asked=asked) == number


def test_addresses() -> None:
    assert email_in("it is <ada@Example.org>.") == "ada@example.org"
    assert email_in("ada at example.org, @ada") is None
    assert email_in("e-mail:ada@example.org,bob@example.org") == "ada@example.org"
    assert email_in("mailto:o'brien@example.org!") == "o'brien@example.org"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Hello?", False),
        ("Hi, is anybody there?", False),
        ("Guten Morgen!", False),
        ("Est-ce qu’il y a quelqu’un ?", False),
        ("Nothing, thanks", False),
        ("Ok, thanks", False),
        ("", False),
        ("Flat tyre", True),
        ("Öffnungszeiten?", True),
        ("Do you repair old bikes?", True),
    ],
)
def test_what_says_something(text: str, says: bool) -> None:
    assert says_something(text) is says
