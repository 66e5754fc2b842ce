"""Splits a reply that is longer than one message of its channel."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable


def split(text: str, limit: int, length: Callable[[str], int] = len) -> list[str]:
    """Parts of at most `limit`, as `length` counts; cut at a paragraph, line, sentence or word where there is one."""
    parts = []
    text = text.strip()
    while text and length(text) > limit:  # asked first, for a plugin may count wrongly
        cut = _cut(text, _characters(text, limit, length))
        parts.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [*parts, text] if text else parts


def _characters(text: str, limit: int, length: Callable[[str], int]) -> int:
    """How many characters from the start fit; at least one."""
    fitting = bisect_right(range(len(text) + 1), limit, key=lambda count: length(text[:count])) - 1
    return max(1, fitting)


def _cut(text: str, limit: int) -> int:
    window = text[: limit + 1]
    for separator in ("\n\n", "\n", ". ", "! ", "? ", " "):
        at = window.rfind(separator)
        if at >= limit // 3:
            return min(at + len(separator.rstrip(" ")), limit)
    return limit
