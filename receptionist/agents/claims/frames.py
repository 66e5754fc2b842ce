"""Small vocabularies and the frames that join them: what claims something whatever its exact words and their order."""

from __future__ import annotations

import tomllib
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import NamedTuple

from receptionist.agents.claims.rules import GROUPS, KINDS
from receptionist.agents.claims.vocabulary import Hit, Vocabulary, classes, listed, vocabulary
from receptionist.errors import SettingsError

REACH = 12
"""Fewer words than this may stand between a core and a member, where a frame does not say how many."""
MAX_CORES = 60
"""Hits of a sentence that frames are tried on; the first that come."""
OPENING = ("opening", "whole")
"""Classes of words that may stand before a core that begins the sentence."""
FEW = 20
"""Words of a class in a sentence that are all looked at."""
MARKS = frozenset(",;:-?!")
END = "$"
"""Stands for the end of a sentence."""


class Found(NamedTuple):
    """What a frame found: words `start` up to `end`."""

    kind: str
    group: str
    start: int
    end: int


class Member(NamedTuple):
    """What must be near a frame's core: words of one of the classes, `before` or behind it with less than `reach` words
    between; on any side if `before` is None. `absent`: what must be nowhere else in the sentence."""

    names: tuple[str, ...]
    absent: bool
    before: bool | None
    reach: int


class Frame(NamedTuple):
    """Classes that claim something together. `first`: the core begins the sentence, but for words that open one."""

    group: str
    kind: str | None
    core: str
    first: bool
    members: tuple[Member, ...]


@dataclass(frozen=True)
class Frames:
    """A language's frames, by their core. `common`: words that tell the language; `cores`: words one of which a
    sentence needs."""

    vocabulary: Vocabulary
    common: frozenset[str]
    frames: Mapping[str, tuple[Frame, ...]]
    cores: frozenset[str]

    def claims(self, spoken: Sequence[str]) -> Iterator[Found]:
        """What a sentence's words claim, sure or not: `judge` asks what makes it harmless."""
        hits = self.vocabulary.hits([*spoken, END, END])
        cores = [(core, hit) for core in self.frames for hit in hits.get(core, ())]
        for core, hit in cores[:MAX_CORES]:
            for frame in self.frames[core]:
                span = _joined(frame, hit, hits, spoken)
                if span is not None and not _stopped(spoken, span, hit, hits):
                    yield span


@cache
def frames(language: str) -> Frames:
    """The frames of a language. Raises `SettingsError` naming what is wrong in its file."""
    file = f"{language}_frames.toml"
    data = tomllib.loads(resources.files(__package__).joinpath(file).read_text(encoding="utf-8"))
    known = list(classes(data))
    names: dict[str, bool] = {}
    for _, name, kind in known:
        names[name] = names.get(name, False) or kind is not None
    read = [_frame(file, group, written, names) for group, each in data["frames"].items() for written in each]
    cores = tuple(dict.fromkeys(frame.core for frame in read))
    return Frames(
        vocabulary(known, listed(data["numbers"])),
        frozenset(listed(data["common"])),
        {core: tuple(frame for frame in read if frame.core == core) for core in cores},
        frozenset(words.split()[0] for words, name, _ in known if name in cores),
    )


def _frame(file: str, group: str, written: str, known: Mapping[str, bool]) -> Frame:
    """`known`: the classes, and whether they tell a kind."""
    kind, colon, rest = written.rpartition(": ")
    core, *others = listed(rest)
    members = tuple(_member(each) for each in others)
    names = [core.removeprefix("^"), *(name for member in members for name in member.names)]
    unknown = [name for name in names if name not in known]
    if unknown or group not in GROUPS or (kind not in KINDS if colon else not any(known[name] for name in names)):
        raise SettingsError(f"{file}: {group} {written!r} has an unknown word or no kind. Unknown: {unknown}.")
    return Frame(group, kind or None, core.removeprefix("^"), core.startswith("^"), members)


def _member(written: str) -> Member:
    absent, written = written.startswith("!"), written.removeprefix("!")
    mark = next((mark for mark in "<>" if mark in written), "")
    names, _, reach = written.partition(mark) if mark else (written, "", "")
    if reach and not reach.isdigit():
        raise SettingsError(f"In {written!r}, {reach!r} is no number of words; only the last class may have one.")
    return Member(tuple(names.split("|")), absent, {"<": True, ">": False}.get(mark), int(reach or REACH))


def _joined(frame: Frame, core: Hit, hits: Mapping[str, Sequence[Hit]], spoken: Sequence[str]) -> Found | None:
    if frame.first and not _opens(core, hits, spoken):
        return None
    kind, start, end = frame.kind or core.kind, core.start, core.end
    for member in frame.members:
        if member.absent:
            if any(_elsewhere(core, hits.get(name, ())) for name in member.names):
                return None
            continue
        near = [hit for name in member.names for hit in _about(core, hits.get(name, ())) if _is_near(member, core, hit)]
        if not near:
            return None
        best = min(near, key=lambda hit: abs(hit.start - core.start))
        kind, start, end = kind or best.kind, min(start, best.start), max(end, best.end)
    return Found(kind, frame.group, start, end) if kind else None


def _elsewhere(core: Hit, of_class: Sequence[Hit]) -> bool:
    return any(hit.end <= core.start or hit.start >= core.end for hit in (*of_class[:1], *of_class[-1:]))


def _about(core: Hit, of_class: Sequence[Hit]) -> Sequence[Hit]:
    """Those near the core, so that a sentence of thousands of words takes no longer than it must."""
    if len(of_class) <= FEW:
        return of_class
    begun = bisect_left(of_class, (core.start - 2 * REACH,))
    return of_class[begun : bisect_left(of_class, (core.end + REACH,), begun)]


def _is_near(member: Member, core: Hit, hit: Hit) -> bool:
    if core.start < hit.start < core.end:
        return member.before is not True
    before, behind = core.start - hit.end, hit.start - core.end
    return (0 <= before < member.reach and member.before is not False) or (
        0 <= behind < member.reach and member.before is not True
    )


def _opens(core: Hit, hits: Mapping[str, Sequence[Hit]], spoken: Sequence[str]) -> bool:
    if core.start > REACH:
        return False
    opening = (hit for name in OPENING for hit in hits.get(name, ())[:REACH])
    opened = {place for hit in opening for place in range(hit.start, hit.end)}
    return all(place in opened or spoken[place] in MARKS for place in range(core.start))


def _stopped(spoken: Sequence[str], span: Found, core: Hit, hits: Mapping[str, Sequence[Hit]]) -> bool:
    """Whether a word that takes the claim back stands in the frame (but not in its core), or before it in its part of
    the sentence; or behind it, where it is not about what the agent did."""
    if any(hit.start < span.end for hit in hits.get("doubt", ())[:1]):
        return True
    begun, ended = _part(spoken, span)
    if any(begun <= hit.start < span.end and not _is_within(hit, core) for hit in hits.get("stop", ())):
        return True
    return span.group != "performed" and any(span.end <= hit.start < ended for hit in hits.get("late", ()))


def _part(spoken: Sequence[str], span: Found) -> tuple[int, int]:
    """The words of the part of the sentence, between marks, that the span stands in."""
    begun = next((place + 1 for place in range(span.start - 1, -1, -1) if spoken[place] in MARKS), 0)
    ended = next((place for place in range(span.end, len(spoken)) if spoken[place] in MARKS), len(spoken))
    return begun, ended


def _is_within(hit: Hit, core: Hit) -> bool:
    return core.start <= hit.start < core.end
