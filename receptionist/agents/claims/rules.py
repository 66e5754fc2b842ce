"""The rules of a language, read from its file and compiled once per process."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from typing import Any, NamedTuple, get_args

from receptionist.contracts.tool import ClaimKind
from receptionist.errors import SettingsError

LANGUAGES = ("en", "es", "de", "fr")
GROUPS = ("performed", "state", "thing", "announced", "promised")
"""`thing` is a `state` of something that is not said to be the customer's: "The table is reserved"."""
KINDS = (*get_args(ClaimKind), "will_send", "done")
"""What a tool can back, that something will be sent, and that all is done, whatever it is."""
GAPS = {"...": 12, "..": 4}
"""Words that these stand for at most."""

FILLERS = ("soft", "opening", "again")
"""Lists of words that tell nothing new."""

_WORD = re.compile(r"\w+")
_PIECE = re.compile(r"\{\w+\}|(?:\([^)]*\)|[^\s({])+")
_NAME = re.compile(r"\{(\w+)\}")
_PLAIN = re.compile(r"[\w-]+")


@dataclass(frozen=True)
class Pattern:
    """Ways to claim something; the name of the group that matched is the claim's kind."""

    group: str
    expression: str

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """Made when a reply first has a word of it, for most replies have none."""
        return re.compile(self.expression)


class Other(NamedTuple):
    """Claims that sound as if they were of one of the kinds `sounds`, and may as well be of `kind`, by words `within`
    them or right `after` them, or, where the sentence says nothing else ("Booked!"), by how the next one begins
    (`next`); unless something `besides` stands there."""

    kind: str
    sounds: frozenset[str]
    within: re.Pattern[str]
    after: re.Pattern[str]
    besides: re.Pattern[str]
    next: re.Pattern[str] | None


@dataclass(frozen=True)
class Rules:
    """A language's rules. `triggers`: the word that a pattern cannot do without, to the patterns. `clause` and `strong`
    end what a negation, and what an "if", holds for. `other`: what may as well be of another kind. `fillers`: words
    that tell nothing new ("already")."""

    language: str
    safe: str
    patterns: tuple[Pattern, ...]
    triggers: Mapping[str, tuple[int, ...]]
    harmless: Mapping[str, re.Pattern[str]]
    other: tuple[Other, ...]
    clause: re.Pattern[str]
    strong: re.Pattern[str]
    fillers: frozenset[str]


@cache
def rules(language: str) -> Rules:
    """The rules of one of `LANGUAGES`. Raises `SettingsError` naming what is wrong in its file."""
    if language not in LANGUAGES:
        raise SettingsError(f"There are no rules for {language}; there are: {', '.join(LANGUAGES)}.")
    data = _data(language)
    compiler = _Compiler(language, data)
    for group, kinds in data.get("phrases", {}).items():
        for kind, phrases in kinds.items():
            for phrase in _listed(phrases):
                compiler.add(group, phrase, kind)
    for group, patterns in data["patterns"].items():
        for pattern in patterns:
            compiler.add(group, pattern)
    triggers = {word: tuple(sorted(found)) for word, found in compiler.triggers.items()}
    harmless = {name: re.compile(compiler.either(listed)) for name, listed in data["harmless"].items()}
    other = tuple(_other(each, compiler) for each in data["other"])
    ends = "|".join(_listed(data["clause_words"]))
    subjects = "|".join([ends, *_listed(data["new_subject"])]).replace("(", "(?:")
    clause, strong = re.compile(f" (?:[,;:?!-]|{subjects}) "), re.compile(f" (?:[;:?!-]|{ends}) ")
    fillers = frozenset(_WORD.findall(" ".join(data["lists"][name] for name in FILLERS)))
    return Rules(language, data["safe"], compiler.patterns(), triggers, harmless, other, clause, strong, fillers)


def _other(each: Mapping[str, Any], compiler: _Compiler) -> Other:
    def made(name: str) -> re.Pattern[str]:
        return re.compile(compiler.either(each[name]))

    following = made("next") if "next" in each else None
    return Other(each["is"], frozenset(each["sounds"]), made("within"), made("after"), made("besides"), following)


@cache
def abbreviations() -> frozenset[str]:
    """After these, in any of the languages, a full stop ends no sentence; and the months, which may follow "3."."""
    return frozenset(word for language in LANGUAGES for word in _data(language)["no_end"].split())


@cache
def contractions() -> dict[str, str]:
    """What is shortened in any of the languages, to what it stands for; the longest first."""
    found = [each for language in LANGUAGES for each in _data(language).get("contractions", {}).items()]
    return {**dict(sorted(found, key=lambda each: -len(each[0]))), "'": " "}


@cache
def typed() -> dict[str, str]:
    """Words that are typed without apostrophes or in short in any of the languages, to what they stand for."""
    return {short: whole for language in LANGUAGES for short, whole in _data(language).get("typed", {}).items()}


@cache
def _data(language: str) -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath(f"{language}.toml").read_text(encoding="utf-8"))


def _listed(phrases: str) -> list[str]:
    """What stands between commas (not in brackets), or on lines of its own."""
    return [each.strip() for each in re.split(r"[,\n](?![^(\n]*\))", phrases) if each.strip()]


class _Compiler:
    """Patterns as they are written, made regular expressions over the words of a sentence."""

    def __init__(self, language: str, data: Mapping[str, Any]) -> None:
        self._language = language
        self._slots = {
            name: {kind: _listed(phrases) for kind, phrases in kinds.items()} for name, kinds in data["slots"].items()
        }
        self._lists = {name: _listed(phrases) for name, phrases in data["lists"].items()}
        self._nouns = {name: _listed(phrases) for name, phrases in data.get("nouns", {}).items()}
        self._frequent = frozenset(_listed(data["frequent"]))
        self._stops = "|".join(_listed(data["gap_stops"]))
        self._ways: dict[tuple[str, str, str | None, str | None, str], tuple[int, list[str]]] = {}
        self.triggers: dict[str, set[int]] = {}

    def add(self, group: str, written: str, kind: str | None = None) -> None:
        """Add a pattern that has a slot, or is a phrase of one kind."""
        if group not in GROUPS or (kind is not None and kind not in KINDS):
            raise SettingsError(f"{self._language}.toml: {group} or {kind} is unknown at {written!r}.")
        slot = next((name for name in _NAME.findall(written) if name in self._slots), None)
        if (slot is None) == (kind is None):
            raise SettingsError(f"{self._language}.toml: {written!r} needs a slot, or a kind, and not both.")
        start, written = "^ " if written.startswith("^") else " ", written.removeprefix("^")
        if slot is None:
            way, rest, entries = written, "", [written]
        else:
            way, _, rest = written.partition(f"{{{slot}}}")
            entries = [entry for listed in self._slots[slot].values() for entry in listed]
        number, ways = self._ways.setdefault((group, start, slot, kind, rest), (len(self._ways), []))
        ways.append(self._compiled(way))
        for entry in entries:
            for trigger in self._triggers(entry):
                self.triggers.setdefault(trigger, set()).add(number)

    def patterns(self) -> tuple[Pattern, ...]:
        """What was added; ways that end in the same slot, and phrases of the same kind, are one expression."""
        found = []
        for (group, start, slot, kind, rest), (_, ways) in self._ways.items():
            before = f"{start}(?:{'|'.join(ways)})" if slot else f"{start}(?P<{kind}>{'|'.join(ways)})"
            found.append(Pattern(group, before + (self._named(slot) + self._compiled(rest) if slot else "")))
        return tuple(found)

    def either(self, listed: Iterable[str]) -> str:
        """One expression for any of these; "^" is the beginning of what is searched."""
        return (
            "(?:"
            + "|".join(f"^ {self._compiled(w[1:])}" if w[0] == "^" else f" {self._compiled(w)}" for w in listed)
            + ")"
        )

    def _compiled(self, written: str) -> str:
        return "".join(self._piece(piece) for piece in _PIECE.findall(written))

    def _piece(self, piece: str) -> str:
        if piece in GAPS:
            return rf"(?:(?!(?:{self._stops}) )[^ ;:?!-][^ ]* ){{0,{GAPS[piece]}}}?"
        if piece in ("$", "?"):
            return "$" if piece == "$" else r"\? "
        if piece.startswith("{"):
            return self._named(piece[1:-1])
        optional = piece.endswith("?")
        piece = piece.removesuffix("?")
        return f"(?:{piece} )?" if optional else f"{piece.replace('(', '(?:')} "

    def _named(self, name: str) -> str:
        """Words that may stand here, up to three; or one that must; or a slot, whose kind is the group's name."""
        if name in self._lists:
            return f"(?:(?:{'|'.join(self._lists[name])}|,) ){{0,3}}"
        if name in self._nouns:
            return f"(?:{'|'.join(map(self._compiled, self._nouns[name]))})"
        if name not in self._slots:
            raise SettingsError(f"{self._language}.toml: there are no lists, nouns or slots {name}.")
        kinds = [f"(?P<{kind}>{'|'.join(map(self._compiled, entries))})" for kind, entries in self._slots[name].items()]
        return f"(?:{'|'.join(kinds)})"

    def _triggers(self, written: str) -> list[str]:
        """Words of which one must be there: of all pieces, those that the fewest sentences have, as far as one can tell
        from a list of frequent words and from how short they are."""
        options = [found for piece in _PIECE.findall(written) if (found := self._options(piece))]
        if not options:
            raise SettingsError(f"{self._language}.toml: {written!r} needs one word that must be there.")
        return max(reversed(options), key=lambda words: (self._frequent.isdisjoint(words), min(map(len, words))))

    def _options(self, piece: str) -> list[str]:
        """The words of which a piece needs one; none if it needs no certain word."""
        if piece.startswith("{"):
            needed = [
                self._options(min(_PIECE.findall(each), key=_is_bracket)) for each in self._nouns.get(piece[1:-1], ())
            ]
            return [word for words in needed for word in words] if all(needed) else []
        if _PLAIN.fullmatch(piece):
            return [piece]
        if not _is_bracket(piece) or piece.endswith("?"):
            return []
        ways = [way.split()[0] for way in piece[1:-1].split("|")]
        return ways if all(map(_PLAIN.fullmatch, ways)) else []


def _is_bracket(piece: str) -> bool:
    return piece.startswith("(")
