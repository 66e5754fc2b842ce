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
    said = waiting[-1].text if waiting else ""
    number, choice = "".join(filter(str.isdigit, said)), meant(said, offered)
    return [] if choice == said else [Said("system", f"With {number} the customer chose: {choice}")]


def meant(said: str, offered: Sequence[str]) -> str:
    """The choice of which `said` is the number, else `said` itself."""
    found = _NUMBER.fullmatch(said.strip())
    return said if found is None or int(found[1]) > len(offered) else offered[int(found[1]) - 1]
