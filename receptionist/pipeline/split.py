"""Splits a reply that is longer than one message of its channel."""

from __future__ import annotations


def split(text: str, limit: int) -> list[str]:
    """Parts of at most `limit` characters, cut at a paragraph, a line, a sentence or a word where there is one."""
    parts = []
    text = text.strip()
    while len(text) > limit:
        cut = _cut(text, limit)
        parts.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [*parts, text] if text else parts


def _cut(text: str, limit: int) -> int:
    window = text[: limit + 1]
    for separator in ("\n\n", "\n", ". ", "! ", "? ", " "):
        at = window.rfind(separator)
        if at >= limit // 3:
            return min(at + len(separator.rstrip(" ")), limit)
    return limit
