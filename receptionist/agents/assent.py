"""Whether a customer's message says yes to what they were asked, and to nothing else.

What is not surely a yes is none: to be asked once more costs less than an order that nobody gave.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from typing import NamedTuple

from receptionist.agents.refusal import clauses_of

SIGNS = frozenset("👍👌✅✔🆗")
LONGEST = 200
"""Characters; a longer message says more than yes."""


class _Words(NamedTuple):
    yes: frozenset[str]
    begins: frozenset[str]
    also: frozenset[str]


def is_assent(text: str, about: str) -> bool:
    """Whether `text` agrees, in any of the languages of `assent.toml`, to `about` (the arguments of a call).

    It says nothing but yes ("That's right", "ja gern", 👍), or begins with a plain yes and asks nothing and tells
    nothing that `about` does not have: "Yes, the soup", but neither "Yes, but on Friday" nor "Yes, at 4"."""
    if len(text) > LONGEST or "?" in text:
        return False
    clauses, words = clauses_of(text), _words()
    others = [clause for clause in clauses if clause not in words.yes]
    if not others:
        return bool(clauses) or any(sign in SIGNS for sign in text)
    if clauses[0].split()[0] not in words.begins:
        return False
    known = words.also | words.begins | {_plain(word) for clause in clauses_of(about) for word in clause.split()}
    return {_plain(word) for clause in others for word in clause.split()} <= known


def _plain(word: str) -> str:
    """A number without zeros before it, so that 9:05 is 09:05."""
    return word.lstrip("0") or "0"


@cache
def _words() -> _Words:
    data = tomllib.loads(resources.files(__package__).joinpath("assent.toml").read_text(encoding="utf-8")).values()
    yes = frozenset(each.strip() for words in data for each in re.split(r"[;\n]", words["yes"]))
    begins, also = (frozenset(word for words in data for word in words[name].split()) for name in ("begins", "also"))
    return _Words(yes, begins, also)
