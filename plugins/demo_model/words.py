"""Words: reduced to what they have in common, and matched with what a business offers."""

from __future__ import annotations

import difflib
import itertools
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
MAX_FUZZY = 20
"""Unknown words that are compared with all known ones, which is slow."""

SYNONYMS = {"guarantee": "warranty", "kid": "child", "children": "child", "discount": "price", "voucher": "gift"}
_COMMON = """
a about actually afternoon also am an and any anything are as ask at back be been but by call can check close
closed cost could day did do doe doing done email evening everything find fix for from get give go good have
hello  her hey hi hour how i if in is it just know like look long made make may me mean mine morning much my
name need no  not now number of offer ok on one open or our out over phone please price question repair
replacement say see  sell service shall she should so some somebody someone speak still take talk tell thank
that the their them then  there they thing this time to today tomorrow too us use want was way we week what
when where which who why will  with work would ye you your
"""


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", re.sub(r"(?<=\w)[-'’](?=\w)", "", text.lower()))


def _stem(word: str) -> str:
    word = SYNONYMS.get(word, word)
    for ending in ("ments", "ment", "ings", "ing", "ies", "ers", "ed", "es", "s", "y"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending)
            break
    word = SYNONYMS.get(word, word)
    return word.removesuffix("e") if len(word) > 3 else word


STOP = frozenset(map(_stem, [*_COMMON.split(), *WEEKDAYS]))
"""Words, as `stems` gives them, that say nothing of what is asked about."""


def singles(text: str) -> list[str]:
    """The words of a text in order, without endings."""
    return [_stem(word) for word in _words(text)]


def stems(text: str) -> list[str]:
    """The words of a text without endings, and pairs of telling neighbours as one word ("tune up" is "tune-up")."""
    words = _words(text)
    plain = [_stem(word) for word in words]
    pairs = zip(itertools.pairwise(words), itertools.pairwise(plain), strict=True)
    return plain + [_stem(first + second) for (first, second), found in pairs if not STOP.intersection(found)]


def best_matches(asked: Collection[str], entries: Sequence[Mapping[str, float]], at_least: float) -> list[int]:
    """Which entries, given as words with weights, the asked words are about, best first.

    A word weighs the less the more entries have it; a long word may be misspelt.
    """
    spread = Counter(word for entry in entries for word in entry)
    hits = {word for word in asked if word in spread}
    for word in sorted(word for word in set(asked) - hits if len(word) > 4)[:MAX_FUZZY]:
        hits.update(difflib.get_close_matches(word, spread, n=1, cutoff=0.84))
    scores = [sum(weight / spread[word] for word, weight in entry.items() if word in hits) for entry in entries]
    enough = max(at_least, max(scores, default=0.0) / 3)
    return sorted((index for index, score in enumerate(scores) if score >= enough), key=lambda index: -scores[index])
