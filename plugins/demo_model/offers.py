"""Services and their prices; a price is given only for a service that the customer names."""

from __future__ import annotations

import difflib

from .turn import Turn
from .words import MAX_FUZZY, STOP, singles, stems

PRICE = r"\b(price|prices|pricing|cost|costs|how much|charge|fee|quote)\b"
_LIST = r"\b(your prices|prices|price ?list|services)\b|\bwhat (do|can) you (do|offer|repair|sell|fix)\b"
_DEGREES = frozenset(
    stem
    for word in [
        "full",
        "basic",
        "standard",
        "premium",
        "small",
        "large",
        "big",
        "complete",
        "quick",
        "simple",
        "deluxe",
        "mini",
        "express",
        "half",
        "regular",
        "new",
        "old",
        "first",
        "free",
        "special",
        "extra",
    ]
    for stem in singles(word)
)
"""Words that name no service by themselves."""


def services(turn: Turn) -> str | None:
    """What the services asked about are and cost, or all of them."""
    if turn.wants_person and not turn.says(PRICE):
        return None
    if found := named_services(turn):
        return "\n".join(f"{turn.strategy['services_text'][index].rstrip('.')}." for index in found)
    return f"This is what we offer:\n{_listed(turn)}" if turn.strategy["services"] and turn.says(_LIST) else None


def no_price(turn: Turn) -> str | None:
    """That there is no price for what was asked, and what there is; for when no other rule has an answer."""
    offered = turn.strategy["services"]
    near = {word for service in offered for word in singles(service["name"])} & set(turn.telling)
    if not offered or not (turn.says(PRICE) or (near and len(singles(turn.text)) <= 12)):
        return None
    start = "I have no price for that; this" if turn.telling else "This"
    return f"{start} is what we offer:\n{_listed(turn)}"


def named_services(turn: Turn) -> list[int]:
    """The services the turn names, at most three."""
    names = [singles(service["name"]) for service in turn.strategy["services"]]
    wide = [set(stems(service["name"])) - STOP for service in turn.strategy["services"]]
    known = {word for words in wide for word in words}
    asked = _spelt(turn, known)
    sure = [i for i, name in enumerate(names) if _phrase(turn, name) or _whole(wide[i], set(name), asked)]
    said = {word for i in sure for word in (*names[i], *wide[i])}
    return (sure + [i for i in range(len(names)) if i not in sure and _alone(turn, i, wide, asked, said)])[:3]


def _listed(turn: Turn) -> str:
    return "\n".join(
        f"{service['name']}: {service['price'] or 'price on request'}" for service in turn.strategy["services"]
    )


def _spelt(turn: Turn, known: set[str]) -> set[str]:
    """The asked words, with the known ones that were misspelt."""
    found = set(turn.words)
    for word in sorted(word for word in turn.words - known if len(word) > 4)[:MAX_FUZZY]:
        found.update(difflib.get_close_matches(word, known, n=1, cutoff=0.84))
    return found


def _phrase(turn: Turn, name: list[str]) -> bool:
    """Whether the name stands in the text word for word."""
    text = [word for word in singles(turn.text) if word in name or word not in turn.own]
    return any(text[i : i + len(name)] == name for i in range(len(text)))


def _whole(wide: set[str], plain: set[str], asked: set[str]) -> bool:
    """Whether all telling words of the name were said, and they are two at least."""
    words = wide & plain
    return len(words) > 1 and words <= asked


def _alone(turn: Turn, index: int, wide: list[set[str]], asked: set[str], said: set[str]) -> bool:
    """Whether a word that only this service has was said, in a question that is about nothing else."""
    others = {word for i, words in enumerate(wide) if i != index for word in words}
    hits = (wide[index] - others - _DEGREES - said) & asked
    if not hits:
        return False
    text = singles(turn.text)
    close = {word for word in turn.words if difflib.get_close_matches(word, hits, n=1, cutoff=0.84)}
    part_of_pair = {word for word in text for hit in hits if len(hit) > len(word) + 1 and word in hit}
    rest = [word for word in turn.telling if word not in wide[index] | close | part_of_pair | said]
    after = {text[i + 1] for i in range(len(text) - 1) if text[i] in close}
    only_word = len({word for word in singles(turn.strategy["services"][index]["name"]) if word not in STOP}) == 1
    return not rest or (only_word and len(rest) <= 2 and not after & set(rest))
