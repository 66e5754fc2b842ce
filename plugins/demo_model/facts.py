"""The strategy's facts; one is told only where the question is clearly about it."""

from __future__ import annotations

from .hours import hours
from .offers import named_services
from .turn import Turn
from .ways import contact
from .words import STOP, best_matches, singles, stems

_QUESTION = (
    r"\?|^\W*(is|are|do|does|did|can|could|may|will|would|have|has|what|where|when|who|why|which|how|any|tell me)\b"
)
_BY_TOPIC = 1.3
_BY_TEXT = 0.6
_VAGUE = frozenset(singles("free day everything money people time year week card"))
"""Words of a fact's text that tell nothing when they stand alone."""


def facts(turn: Turn) -> str | None:
    """The facts the turn asks about, at most two."""
    known = turn.strategy["facts"]
    topics = [dict.fromkeys({*stems(fact["topic"])} - STOP - _VAGUE, 2.0) for fact in known]
    found = best_matches(turn.words, topics, _BY_TOPIC)
    others = turn.asks_identity or turn.wants_person or named_services(turn) or hours(turn) or contact(turn)
    if not found and not others and turn.says(_QUESTION):
        found = _by_text(turn)
    return " ".join(known[index]["text"] for index in found[:2]) or None


def _by_text(turn: Turn) -> list[int]:
    """The facts whose texts have half of the question's telling words; a single word must be all of it."""
    asked = set(turn.telling)
    texts = [set(singles(fact["text"])) for fact in turn.strategy["facts"]]
    entries = [
        dict.fromkeys((word for word in words if len(word) > 2 and word not in STOP), _BY_TEXT) for words in texts
    ]
    found = []
    for index in best_matches(asked, entries, _BY_TEXT):
        hits = asked & entries[index].keys()
        if (len(hits) > 1 and 2 * len(hits) >= len(asked)) or (hits == asked and not hits <= _VAGUE):
            found.append(index)
    return found
