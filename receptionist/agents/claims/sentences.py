"""A reply in sentences, and a sentence in words: without case, accents, contractions and what is quoted."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

_QUOTED = re.compile(r'"[^"\n]{1,400}"|“[^“”\n]{1,400}”|„[^„“”"\n]{1,400}[“”"]|«[^«»\n]{1,400}»|»[^«»\n]{1,400}«')
_END = re.compile(r"[.!?…\n¿¡]+[\"'”“»)\]*_]*")
_QUOTE = re.compile(r'["“„«»]')
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"\d+(?:[:.,]\d+)*|\w+(?:-\w+)*|[,;:()]|[-–—]+|[?!]")
_TOKENS = {"(": ",", ")": ",", "–": "-", "—": "-"}
_APOSTROPHES = str.maketrans(dict.fromkeys("’‘ʼ´`", "'"))


class Sentence(NamedTuple):
    """A sentence's place in the reply, its words (one space before and after each), and whether it asks."""

    start: int
    end: int
    words: str
    asks: bool


class Shortened(NamedTuple):
    """What is shortened, to what it stands for: pieces with an apostrophe, and whole words without one."""

    contractions: Mapping[str, str]
    typed: Mapping[str, str]


def sentences(text: str, abbreviations: Collection[str], shortened: Shortened) -> list[Sentence]:
    """The sentences of a reply. What stands in quotation marks is somebody else's, and is not among the words; where
    the whole reply is quoted, the marks mean nothing."""
    plain = text if text.isascii() else text.translate(_APOSTROPHES)
    masked = _QUOTED.sub(lambda match: "_" * len(match[0]), plain) if _QUOTE.search(plain) else plain
    if not masked.strip(" \n_.!?"):
        masked = plain
    return [
        Sentence(start, end, words(masked[start:end], shortened), "?" in masked[max(start, end - 6) : end])
        for start, end in _spans(masked, abbreviations)
        if _LETTER.search(masked, start, end)
    ]


def words(sentence: str, shortened: Shortened) -> str:
    """Words and marks, each with one space before and after; " " if there are none."""
    folded = sentence.casefold()
    if not folded.isascii():
        folded = "".join(mark for mark in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(mark))
    if "'" in folded:
        for short, whole in shortened.contractions.items():
            folded = folded.replace(short, whole)
    typed = shortened.typed
    found = [_TOKENS.get(word[0]) or typed.get(word, word) for word in _WORD.findall(folded) if word.strip("_")]
    return f" {' '.join(found)} "


def _spans(text: str, abbreviations: Collection[str]) -> Iterator[tuple[int, int]]:
    begun = 0
    for mark in _END.finditer(text):
        end = mark.start() if mark[0][0] in "¿¡" else mark.end()
        if mark[0][0] not in "¿¡\n" and not text[end : end + 1].isspace() and end < len(text) and "\n" not in mark[0]:
            continue
        if mark[0] == "." and _goes_on(text, mark, abbreviations):
            continue
        yield _without_space(text, begun, end)
        begun = end
    yield _without_space(text, begun, len(text))


def _without_space(text: str, begun: int, end: int) -> tuple[int, int]:
    return end - len(text[begun:end].lstrip()), end


def _goes_on(text: str, stop: re.Match[str], abbreviations: Collection[str]) -> bool:
    """Whether a full stop ends no sentence: after an abbreviation, and within "am 3. März" or "at 3 p.m. tomorrow"."""
    rest = text[stop.end() : stop.end() + 3].lstrip(" ")
    if rest[:1].islower():
        return True
    before = text[max(0, stop.start() - 12) : stop.start()].split()
    word = before[-1].casefold().lstrip("([\"'“„«") if before else ""
    if word.isdigit():
        follows = text[stop.end() : stop.end() + 16].split()
        return bool(follows) and follows[0].casefold().rstrip(".,") in abbreviations
    return word in abbreviations or (len(word) == 1 and word.isalpha() and rest[:1].isupper())
