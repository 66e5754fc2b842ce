"""The tool that searches what the business says about itself, so that long lists need not be in the prompt."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, Field

from receptionist import Host, Tool, ToolContext, ToolError, hookimpl, tool

SATURATION, LENGTH = 1.2, 0.75
"""The usual constants of BM25 (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009)."""
TITLE = 3
"""Times that a word of a topic or name counts as one of the text."""
SHORT = 2
"""Letters of words that are left out beside longer ones: "a", "is", "of"; but not "TV" in capitals."""
SHORTEST_PART = 4
"""Letters from which on a word also finds those that begin with it: "park" finds "parking"."""


class SearchSettings(BaseModel):
    """What a strategy may set for `search_facts`."""

    most: int = Field(default=5, ge=1, le=20, description="How many facts and services are told at once.")


@tool(claims=(), settings=SearchSettings)
def search_facts(
    context: ToolContext,
    query: Annotated[str, Field(min_length=1, max_length=200, description="A few words, in the business's language")],
) -> dict[str, Any]:
    """Search what the business says about itself, its services and prices. Use it before you say you do not know."""
    entries = [*map(_of_fact, context.strategy["facts"]), *(_of_service(each, context) for each in _services(context))]
    found = best(query, [words(f"{title} " * TITLE + text) for title, text in entries])
    if not found:
        raise ToolError("Nothing is known about this. Try other words once; else say so, and offer a person.")
    return {"found": [": ".join(filter(None, entries[index])) for index in found[: context.settings.most]]}


def words(text: str) -> list[str]:
    """The words of a text, without capitals, accents and marks."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    kept = (letter if letter.isalnum() else "" if unicodedata.combining(letter) else " " for letter in plain)
    return "".join(kept).split()


def best(query: str, texts: Sequence[Sequence[str]]) -> list[int]:
    """The indexes of the texts (as their words) that have words of the query, best first, by BM25."""
    counts = [Counter(each) for each in texts]
    average = sum(map(len, texts)) / max(1, len(texts)) or 1.0
    scores = [0.0] * len(texts)
    asked = set(words(query))
    names = set(words(" ".join(re.findall(rf"\b[A-Z]{{{SHORT}}}\b", query))))
    for word in {each for each in asked if len(each) > SHORT} | names or asked:
        hits = [sum(number for other, number in count.items() if _matches(word, other)) for count in counts]
        rare = math.log(1 + (len(texts) - sum(map(bool, hits)) + 0.5) / (sum(map(bool, hits)) + 0.5))
        for index, number in enumerate(hits):
            size = SATURATION * (1 - LENGTH + LENGTH * len(texts[index]) / average)
            scores[index] += rare * number * (SATURATION + 1) / (number + size) if number else 0.0
    return sorted((index for index, score in enumerate(scores) if score), key=lambda index: -scores[index])


def _matches(word: str, other: str) -> bool:
    return word == other or (len(word) >= SHORTEST_PART and other.startswith(word))


def _of_fact(fact: Mapping[str, Any]) -> tuple[str, str]:
    return fact["topic"], fact["text"]


def _services(context: ToolContext) -> Iterable[Mapping[str, Any]]:
    services: Iterable[Mapping[str, Any]] = context.strategy["services"]
    return services


def _of_service(service: Mapping[str, Any], context: ToolContext) -> tuple[str, str]:
    price, minutes = service["price_cents"], service["minutes"]
    cost = f"{price / 100:.2f} {context.strategy['currency']}" if price is not None else ""
    about = (cost, f"{minutes} minutes" if minutes else "", service["description"])
    return service["name"], ", ".join(filter(None, about))


@hookimpl
def register_tools(host: Host) -> list[Tool]:
    """The tool."""
    return [search_facts]
