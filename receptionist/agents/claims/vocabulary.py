"""The small vocabularies of a language: which words of a sentence are of which class, whatever their inflection."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

GAP = 10
"""Words that "~" stands for at most."""
SHORT = 5
"""Letters of a word that is too short to be known by how it ends."""

Entry = tuple[tuple[str, ...], str, str | None]
"""The words that must follow a first one, the class that they are of together, and its kind, if any."""


class Hit(NamedTuple):
    """Words of a class in a sentence: their places, and the kind of claim they tell, if any."""

    start: int
    end: int
    kind: str | None


Class = tuple[str, str, str | None]
"""Words as they are written in the file, their class, and its kind, if any."""


@dataclass(frozen=True)
class Vocabulary:
    """Classes of words. `words`: of one word; `begun`: of more, by the first and the second; `endings`: by how a word
    ends that is in no class; `numbers`: words that are numbers."""

    words: Mapping[str | None, tuple[Entry, ...]]
    begun: Mapping[str | None, Mapping[str | None, tuple[Entry, ...]]]
    endings: tuple[Class, ...]
    ended: re.Pattern[str]
    numbers: frozenset[str]

    def hits(self, spoken: Sequence[str]) -> dict[str, list[Hit]]:
        """Where words of which class stand, in their order. `spoken`: words and marks, with two of `END` behind."""
        hits: dict[str, list[Hit]] = {}
        shapes = [self._shape(word) for word in spoken]
        for place, word in enumerate(spoken[:-1]):
            follows = (spoken[place + 1], shapes[place + 1], "~")
            for each in (word, shapes[place]):
                for _, name, kind in self.words.get(each, ()):
                    hits.setdefault(name, []).append(Hit(place, place + 1, kind))
                if (begun := self.begun.get(each)) is None:
                    continue
                for rest, name, kind in (entry for second in follows for entry in begun.get(second, ())):
                    if (end := _followed(spoken, shapes, place + 1, rest)) is not None:
                        hits.setdefault(name, []).append(Hit(place, end, kind))
            if len(word) > SHORT and self.endings and word not in self.words and self.ended.match(word):
                for ending, name, kind in self.endings:
                    if word.endswith(ending):
                        hits.setdefault(name, []).append(Hit(place, place + 1, kind))
        return hits

    def _shape(self, word: str) -> str | None:
        if word[:1].isdigit():
            return "#:#" if ":" in word or "." in word else "#"
        return "#" if word in self.numbers else None


def vocabulary(classes: Iterable[Class], numbers: Iterable[str]) -> Vocabulary:
    """The classes, made ready to be looked up."""
    single: dict[str | None, dict[Entry, None]] = {}
    begun: dict[str | None, dict[str | None, dict[Entry, None]]] = {}
    endings: list[Class] = []
    for words, name, kind in classes:
        first, *rest = words.split()
        if rest:
            begun.setdefault(first, {}).setdefault(rest[0], {})[tuple(rest), name, kind] = None
        elif first.startswith("*"):
            endings.append((first[1:], name, kind))
        else:
            single.setdefault(first, {})[(), name, kind] = None
    return Vocabulary(
        {word: tuple(each) for word, each in single.items()},
        {word: {second: tuple(each) for second, each in seconds.items()} for word, seconds in begun.items()},
        tuple(endings),
        re.compile(f".*(?:{'|'.join(dict.fromkeys(ending for ending, _, _ in endings))})$"),
        frozenset(numbers),
    )


def classes(data: Mapping[str, Any]) -> Iterator[Class]:
    """Every entry with its class and kind; verbs in all their forms."""
    for name, entries in data["words"].items():
        yield from ((words, name, None) for words in listed(entries))
    for name, kinds in data["kinds"].items():
        yield from ((words, name, kind) for kind, entries in kinds.items() for words in listed(entries))
    for kind, verbs in data["verbs"].items():
        for verb in listed(verbs):
            stem, _, pattern = verb.rpartition("-")
            for name, forms in data["endings"][pattern].items():
                yield from ((form.replace("*", stem), name, kind) for form in listed(forms))


def listed(words: str | list[str]) -> list[str]:
    """What stands between commas or on lines of its own; a list is taken as it is, for what has commas in it."""
    if isinstance(words, list):
        return words
    return [each for each in (" ".join(piece.split()) for piece in words.replace("\n", ",").split(",")) if each]


def _followed(spoken: Sequence[str], shapes: Sequence[str | None], place: int, rest: Sequence[str]) -> int | None:
    """Where the words that must follow end; None if they do not."""
    gap = 0
    for needed in rest:
        if needed == "~":
            gap = GAP
            continue
        last = min(place + gap, len(spoken) - 1)
        at = next((at for at in range(place, last + 1) if needed in (spoken[at], shapes[at])), None)
        if at is None:
            return None
        place, gap = at + 1, 0
    return place
