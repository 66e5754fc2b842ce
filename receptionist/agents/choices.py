"""Short answers the customer may choose from: as buttons, as a numbered list, and a number read as its answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from receptionist.contracts.model import Said
from receptionist.errors import ToolError
from receptionist.text import storable

FEWEST, MOST = 2, 6
LONGEST = 40
"""Characters of one choice."""

_NUMBER = re.compile(r"\W{0,3}([1-9])\W{0,3}")


def checked(choices: Sequence[str]) -> tuple[str, ...]:
    """The choices, each on one line. Raises `ToolError` for too many, too few, too long ones, or one twice."""
    found = tuple(" ".join(storable(each).split()) for each in choices)
    if not FEWEST <= len(found) <= MOST or len({each.casefold() for each in found}) != len(found):
        raise ToolError(f"Offer {FEWEST} to {MOST} choices, none of them twice.")
    if not all(0 < len(each) <= LONGEST for each in found):
        raise ToolError(f"A choice has 1 to {LONGEST} characters; shorten them.")
    return found


def numbered(text: str, choices: Sequence[str]) -> str:
    """A reply with its choices as a numbered list below, for channels without buttons."""
    return "\n".join([text, *(f"{number}. {each}" for number, each in enumerate(choices, 1))])


def chosen(past: Sequence[Any], waiting: Sequence[Any]) -> list[Said]:
    """A note on what a bare number stands for, where the last reply offered choices. Both are rows of `messages`."""
    offered = next((row.choices for row in reversed(past) if row.direction == "out"), None) or ()
    found = _NUMBER.fullmatch(waiting[-1].text.strip()) if waiting else None
    if found is None or int(found[1]) > len(offered):
        return []
    return [Said("system", f"With {found[1]} the customer chose: {offered[int(found[1]) - 1]}")]
