"""Text as every database and vendor takes it."""

from __future__ import annotations


def storable(text: str) -> str:
    """`text` without NUL, and with each lone surrogate as U+FFFD: models, tools and channels may produce both."""
    return text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def bounded(text: str | None, most: int) -> str | None:
    """`text` as databases take it, of at most so many characters; None stays None."""
    return None if text is None else storable(text)[:most]
