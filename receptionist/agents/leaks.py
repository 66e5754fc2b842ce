"""What a reply may not tell: long parts of the instructions, word for word, and anything that looks like a key.

A prompt is never taken for a secret place, so nothing secret belongs into it. This is the alarm for the day on which
a model recites it all the same. Words that customers may hear (facts, services, fixed texts, what stands in quotation
marks) are no part of it. A reply in other words, or in another language, is not recognised.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from receptionist.contracts.strategy import StrategyFields

MOST_QUOTED = 50
"""Letters and digits in a row, about 60 characters with what is between them, that a reply has in common with the
instructions by chance or because the matter wants it."""
MAX_SHOWN = 80
"""Characters of what was about to be told that a person gets to see."""

_BLOCK = MOST_QUOTED // 2  # any part of MOST_QUOTED letters holds one whole block, wherever blocks begin
_PLACES = 20
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_QUOTED = re.compile(r"\"[^\"\n]*\"|“[^”\n]*”|„[^“”\n]*[“”]|«[^»\n]*»|»[^«\n]*«")
_LETTERS = re.compile(r"[^\W_]+")
_HIDDEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_BETWEEN = {code: None for code in range(128) if not chr(code).isalnum()}
_LONG_WORD = re.compile(r"\S{16}|-----BEGIN")
_KEY = re.compile(
    r"\b(?:sk|rk|pk|whsec)[-_][A-Za-z0-9_-]{16,}|\bBearer\s+[A-Za-z0-9._~+/=-]{16,}|\bAKIA[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{30,}|\bxox[abeprs]-[A-Za-z0-9-]{10,}|\bAIza[\w-]{30,}|\bSG\.[\w-]{16,}\.[\w-]{16,}"
    r"|\beyJ[\w-]{8,2000}+\.[\w-]{8,}|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----"
    r"|\b[a-z][a-z0-9+]{1,20}://[^\s/:@]{1,100}:[^\s/@]{1,200}@"
)
_PERHAPS_KEY = re.compile(r"[A-Za-z0-9+/_-]{32,}")
_HEXADECIMAL = re.compile(r"(?=.*[0-9])(?=.*[A-Fa-f])[0-9A-Fa-f]{32,}")
_MIXED = re.compile(r"(?=.*[0-9])(?=.*[a-z])(?=.*[A-Z]).{40,}")
_TAIL = 4 * MOST_QUOTED
_WHOLE_WORD = 16
"""Characters of a word that are shown before it is complete; no key is as short."""


class Leaks:
    """What replies of one strategy version may not tell. Safe to share between threads."""

    def __init__(self, instructions: Iterable[str], told: Iterable[str]) -> None:
        self._instructions = "\n".join(filter(None, map(_letters, instructions)))
        self._told = "\n".join(map(_letters, told))
        self._told_keys = frozenset(key for text in told for key in _PERHAPS_KEY.findall(text))

    def found(self, text: str, heard: Sequence[str] = ()) -> str | None:
        """What `text` tells that it may not, in words for a person; None if it is harmless. What looks like a key may
        be told if a tool returned it or the customer wrote it (`heard`), unless it surely is one."""
        return _key(text, heard, self._told_keys) or self._recited(text)

    def _recited(self, text: str) -> str | None:
        letters = _letters(text)
        for start in range(0, len(letters) - _BLOCK + 1, _BLOCK):
            block = letters[start : start + _BLOCK]
            at = self._instructions.find(block)
            for _ in range(_PLACES):
                if at < 0:
                    break
                common = _common(letters, start, self._instructions, at)
                if len(common) >= MOST_QUOTED and common not in self._told:
                    return f"a part of its instructions: {_passage(text, common)}"
                at = self._instructions.find(block, at + 1)
        return None


def leaks_of(fields: StrategyFields, *templates: str) -> Leaks:
    """The words of the templates that a version is written by, and of the fields that only the model is to read."""
    for_the_model = (*templates, fields.custom_instructions, fields.communication_style, fields.primary_goal)
    pieces = [
        piece
        for text in (*for_the_model, *fields.secondary_goals)
        for part in _TAG.split(text)
        for piece in _QUOTED.split(part)
    ]
    told = [*texts_in(fields.model_dump(mode="json", exclude=_UNTOLD)), *_quotations(for_the_model)]
    return Leaks(pieces, told)


_UNTOLD = {
    "custom_instructions",
    "communication_style",
    "primary_goal",
    "secondary_goals",
    "system_prompt_template",
    "prompt",
    "tool_settings",
}
"""Fields that are no text for customers."""


def texts_in(value: Any) -> list[str]:
    """All texts within lists and mappings, in order."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [text for each in value for text in texts_in(each)] if isinstance(value, list | tuple) else []


class Guard:
    """Lets pass, of a text that is streamed, what may be shown before the whole is known to be harmless."""

    def __init__(self, leaks: Leaks, heard: Sequence[str]) -> None:
        self._leaks, self._heard = leaks, heard
        self._text = ""
        self._shown = self._judged = 0
        self._closed = False

    def shows(self, piece: str) -> str:
        """What may be shown now: a long word not before its end, and nothing any more once something was found."""
        self._text += piece
        end = max(self._text.rfind(" "), self._text.rfind("\n")) + 1
        end = end if len(self._text) - end > _WHOLE_WORD else len(self._text)
        if self._closed or end <= self._shown:
            return ""
        if end - self._judged > _BLOCK or end - self._shown > _WHOLE_WORD:
            self._judged = end
            self._closed = self._tells(end)
            if self._closed:
                return ""
        shown, self._shown = self._text[self._shown : end], end
        return shown

    def rest(self) -> str:
        """What was kept back of the end, now that the text is complete."""
        if self._closed or self._shown == len(self._text) or self._tells(len(self._text)):
            return ""
        shown, self._shown = self._text[self._shown :], len(self._text)
        return shown

    def _tells(self, end: int) -> bool:
        return self._leaks.found(self._text[max(0, self._shown - _TAIL) : end], self._heard) is not None


def _letters(text: str) -> str:
    """The letters and digits in small letters: what differs in nothing else is the same words."""
    if text.isascii():
        return text.lower().translate(_BETWEEN)
    return "".join(_LETTERS.findall(_HIDDEN.sub("", unicodedata.normalize("NFKC", text)).casefold()))


def _common(letters: str, start: int, instructions: str, at: int) -> str:
    """What both have in common around a block of `_BLOCK` letters."""
    before = after = 0
    while min(start, at) > before and letters[start - before - 1] == instructions[at - before - 1]:
        before += 1
    end, ends = start + _BLOCK, at + _BLOCK
    while end + after < len(letters) and ends + after < len(instructions):
        if letters[end + after] != instructions[ends + after]:
            break
        after += 1
    return letters[start - before : end + after]


def _passage(text: str, common: str) -> str:
    """Where in the text those letters are, for a person to read."""
    seen = 0
    begins = _letters(text).find(common)
    for index, character in enumerate(text):
        if seen >= begins:
            return " ".join(text[index : index + MAX_SHOWN].split())
        seen += len(_letters(character))
    return ""


def _key(text: str, heard: Sequence[str], told: Collection[str]) -> str | None:
    if not _LONG_WORD.search(text):
        return None
    found = _KEY.search(text)
    if found is not None:
        return f"what looks like a secret key: {found[0][:6]}…"
    for word in _PERHAPS_KEY.findall(text):
        if not (_HEXADECIMAL.fullmatch(word) or _MIXED.fullmatch(word)):
            continue
        if word not in told and not any(word in each for each in heard):
            return f"what looks like a secret key: {word[:6]}…"
    return None


def _quotations(texts: Iterable[str]) -> list[str]:
    return [quoted for text in texts for quoted in _QUOTED.findall(text)]


NO_LEAKS = Leaks((), ())
