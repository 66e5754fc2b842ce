"""Reads what customers answer while a message is taken: language, name, phone number, e-mail. Plain rules, no model."""

from __future__ import annotations

import itertools
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from receptionist import emails
from receptionist.phones import e164

LONGEST_NAME = 80
MOST_NAMES = 5
"""Words of a name at most."""
MOST_WORDS = 50
"""Words of an answer that gives a name, with all that may stand around it."""
FEWEST_DIGITS = 5
"""A text with so many digits is kept as a number, even one that cannot be read."""
SURELY_DIGITS = 9
"""A number with so many that is no date is one to call, where nobody asked for it."""

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_NAME = re.compile(r"[^\W\d_]+(?:['’.-]+[^\W\d_]+)*[.]?")
_NUMBER = re.compile(r"\+?[0-9(][0-9 ()\[\]./\-]{4,30}[0-9]")
_DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-](?:\d\d){1,2}\b(?!(?:[./-]\d\d){2}(?![./-]?\d))|\d{4}-\d\d-\d\d\b")
"""Five pairs of digits are no date but a French number: 06.12.34.56.78."""
_ADDRESS = re.compile(r"(?<![^\s:;,<>()\[\]\"])[^\s:;,<>()\[\]\"]+@[^\s:;,<>()\[\]\"]+")
"""Only where such a word begins: tried at each of its letters, a long one would take the square of its length."""
_TYPED = str.maketrans({"’": "'", "‘": "'", "ʼ": "'"} | dict.fromkeys("‐‑‒–—−", "-"))
"""What phones put in the place of plain apostrophes and hyphens."""


@dataclass(frozen=True)
class Words:
    """One language: what is said, and by which words answers are told apart; see `take_message_texts.toml`."""

    names: frozenset[str]
    need: str
    name: str
    contact: str
    thanks: str
    passed_on: str
    common: frozenset[str]
    empty: frozenset[str]
    introductions: tuple[str, ...]
    soft_introductions: tuple[str, ...]
    calls: frozenset[str]


@cache
def languages() -> Mapping[str, Words]:
    """All languages there are texts in, by their code."""
    text = resources.files(__package__).joinpath("take_message_texts.toml").read_text(encoding="utf-8")
    return {code: _words(data) for code, data in tomllib.loads(text).items()}


def language_of(known: str | None, spoken: Iterable[str], heard: str) -> Words:
    """The lead's language (`known`, a tag such as "de-AT"), else of the strategy's the one that `heard` sounds like,
    else the first of those; English where there are texts in none of them."""
    texts = languages()
    if known and (found := texts.get(known.partition("-")[0].lower())):
        return found
    tokens = [set(_tokens(each)) for each in spoken]
    candidates = [words for said in tokens for words in texts.values() if words.names & said]
    said = set(_tokens(heard))
    return max(candidates, key=lambda words: len(said & words.common), default=texts["en"])


def says_something(text: str) -> bool:
    """Whether a text is more than a greeting, a thank-you or a yes or no."""
    content = _content(text)
    return len(content) >= 2 or sum(map(len, content)) >= 12


def is_empty(text: str) -> bool:
    """Whether a text is nothing but such words: "no, thanks"."""
    return not _content(text)


def is_only_contact(text: str) -> bool:
    """Whether a text says how to reach somebody, and nothing else."""
    return ("@" in text or _digits(text) >= SURELY_DIGITS) and not says_something(_without_contacts(text))


def name_in(text: str, *, asked: bool) -> str | None:
    """The name that somebody gives: "my name is Ada", "I'm Ada King", or where it was `asked` for, a few words that may
    be one."""
    plain = _plain(text)
    for introduction in _every("introductions"):
        if found := _after(introduction, plain):
            return _leading_name(found)
    return _whole_name(plain) if asked else _full_name(plain)


def email_in(text: str) -> str | None:
    """The first e-mail address in a text."""
    pieces = (piece.strip(".!?'") for piece in _ADDRESS.findall(text))
    return next(filter(None, map(emails.address, pieces)), None)


def phone_in(text: str, country: str | None, *, asked: bool) -> str | None:
    """The first phone number in a text, in E.164; one without a country code only where it was `asked` for, or where
    the text speaks of calling. A date is none."""
    called = not _all_words("calls").isdisjoint(_tokens(text))
    for found in _NUMBER.findall(_plain(text)):
        meant = asked or found.startswith("+") or (called and _digits(found) >= SURELY_DIGITS)
        if meant and not _DATE.match(found) and (number := e164(found, country)):
            return number
    return None


def looks_like_contact(text: str) -> bool:
    """Whether a person may see in a text how to reach the customer, though no rule here can."""
    return "@" in text or _digits(text) >= FEWEST_DIGITS


def _plain(text: str) -> str:
    """The text with letters, digits, spaces, apostrophes and hyphens in their plain forms, and without invisible ones:
    copied numbers are full of them."""
    plain = unicodedata.normalize("NFKC", text).translate(_TYPED)
    return "".join(letter for letter in plain if unicodedata.category(letter) != "Cf")


def _digits(text: str) -> int:
    return sum(letter.isdigit() for letter in text)


def _after(introduction: str, text: str) -> str | None:
    found = re.search(rf"(?<!\w){re.escape(introduction)}\s*(.{{1,200}})", text, re.IGNORECASE)
    return found[1] if found else None


def _full_name(text: str) -> str | None:
    """First and last name after a soft introduction, both in capitals: "I'm Ada King", but not "I'm looking for"."""
    for introduction in _every("soft_introductions"):
        name = _leading_name(_after(introduction, text) or "")
        capitals = list(itertools.takewhile(lambda piece: piece[0].isupper(), (name or "").split()))
        if len(capitals) >= 2:
            return " ".join(capitals)
    return None


def _whole_name(text: str) -> str | None:
    """A text as a name, without "hello, this is" before and "thanks" after it; None for a sentence."""
    pieces = _pieces(_without_contacts(text))
    if len(pieces) > MOST_WORDS:
        return None
    empty = _all_words("empty")
    while pieces and pieces[0].strip(".,!").casefold() in empty and not _introduced(pieces):
        pieces.pop(0)
    pieces = _pieces(_introduced(pieces) or " ".join(pieces))
    while pieces and pieces[-1].islower() and pieces[-1].strip(".,!") in empty:
        pieces.pop()
    return _joined(pieces) if len(pieces) <= MOST_NAMES and _may_be_name(pieces) else None


def _pieces(text: str) -> list[str]:
    """The words of a text, without what stands between them: commas, dashes, smileys; a "&" joins two names."""
    pieces = text.replace(",", " ").strip(" \n!.:;").split()
    return [piece for piece in pieces if any(letter.isalnum() or letter in "&+/" for letter in piece)]


def _introduced(pieces: Sequence[str]) -> str:
    """What follows a soft introduction with which these words begin; empty where they begin with none."""
    text = " ".join(pieces)
    found = (re.match(rf"\W*{re.escape(each)}(?!\w)", text, re.IGNORECASE) for each in _every("soft_introductions"))
    return next((text[match.end() :] for match in found if match), "")


def _leading_name(text: str) -> str | None:
    """The words at the beginning of a text that may be a name."""
    pieces: list[str] = []
    for piece in text.split()[:MOST_NAMES]:
        bare = piece.rstrip(",;:!?.")
        if not _may_be_name([bare]):
            break
        pieces.append(bare)
        if bare != piece:
            break
    return _joined(pieces)


def _may_be_name(pieces: Sequence[str]) -> bool:
    common = _all_words("common")
    return all(_NAME.fullmatch(piece) and piece.casefold() not in common for piece in pieces)


def _joined(pieces: Sequence[str]) -> str | None:
    name = " ".join(pieces)
    return name if 0 < len(name) <= LONGEST_NAME else None


def _without_contacts(text: str) -> str:
    return _NUMBER.sub(" ", " ".join(piece for piece in text.split() if "@" not in piece))


def _content(text: str) -> list[str]:
    empty = _all_words("empty")
    return [word for word in _tokens(text) if word not in empty] + re.findall(r"\d+", text)


def _tokens(text: str) -> list[str]:
    return [word.replace("’", "'") for word in _WORD.findall(text.casefold())]


@cache
def _all_words(name: str) -> frozenset[str]:
    return frozenset(word for words in languages().values() for word in getattr(words, name))


@cache
def _every(name: str) -> tuple[str, ...]:
    return tuple(phrase for words in languages().values() for phrase in getattr(words, name))


def _words(data: Mapping[str, Any]) -> Words:
    values = dict(data)
    for name in ("names", "common", "empty", "calls"):
        values[name] = frozenset(word.casefold() for word in data[name].split())
    for name in ("introductions", "soft_introductions"):
        values[name] = tuple(data[name])
    return Words(**values)
