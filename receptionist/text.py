"""Text as every database and vendor takes it."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

MOST_MARKS = 30
"""Accents and other marks that one letter keeps, as in Unicode's Stream-Safe Text Format (UAX #15, 13). Comparing texts
puts marks in order first, in a time that grows with the square of how many there are: 100,000 take many seconds."""
_UNSEEN = frozenset({"Cc", "Cf", "Cs"})
"""Unicode's categories of controls, of marks for layout, and of halves of a character."""


def storable(text: str) -> str:
    """`text` without NUL, with each lone surrogate as U+FFFD and at most `MOST_MARKS` marks on a letter: models, tools
    and channels may produce all of them."""
    text = text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if text.isascii() or len(text) <= MOST_MARKS or sum(map(_is_mark, text)) <= MOST_MARKS:
        return text
    return _with_few_marks(text)


def bounded(text: str | None, most: int) -> str | None:
    """`text` as databases take it, of at most so many characters; None stays None."""
    return None if text is None else storable(text)[:most]


def as_text(value: object) -> str | None:
    """An id or a code that a plugin handed over as its vendor wrote it, often a number; None stays None."""
    return None if value is None else str(value)


def seconds(value: object) -> float | None:
    """How long a vendor asks to wait, as a plugin handed it over, perhaps as it stood in a header; None where it is no
    number."""
    try:
        return None if value is None else float(str(value))
    except ValueError:
        return None


def visible(text: str) -> str:
    """`text` without white space around it; nothing where a reader would see nothing: controls, joiners, spaces."""
    shown = any((kind := unicodedata.category(letter))[0] != "Z" and kind not in _UNSEEN for letter in text)
    return text.strip() if shown else ""


def sentence(text: str) -> str:
    """`text` with a full stop at its end, unless it ends as a sentence does: "did you mean agent_name?" gets none."""
    return text if text.endswith((".", "?", "!")) else f"{text}."


def counted(number: int, what: str) -> str:
    """ "1 lead", "2 leads", "12,000 leads": a number with what it counts, an English noun whose plural ends with s."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _with_few_marks(text: str) -> str:
    kept, marks = [], 0
    for letter in text:
        marks = marks + 1 if _is_mark(letter) else 0
        if marks <= MOST_MARKS:
            kept.append(letter)
    return "".join(kept)


@lru_cache(4096)
def _is_mark(letter: str) -> bool:
    """Whether it belongs to the letter before it, or becomes something that does once texts are compared."""
    return unicodedata.combining(unicodedata.normalize("NFKD", letter)[0]) != 0
