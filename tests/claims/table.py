"""The table of replies, a file for each origin.

`cases.tsv`: the rules were made on it. `held_out.tsv`: written afterwards. Each `round_….tsv` was written before the
rules were mended for it, and measured before that; docs/honesty.md has those figures. Of round D only one half was
looked at while frames were made, the other, `round_d_held_out.tsv`, when they were done. Round G is of everyday words,
many of them true for what a bundled tool did, round H of what hotels, dentists, garages, hairdressers, restaurants and
lawyers write. By now the rules were mended with all of them, with rounds E to H only so far that some of their claims
are still missed.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

from receptionist.agents.claims import unbacked

FOLDER = Path(__file__).parent
MADE_ON, HELD_OUT = FOLDER / "cases.tsv", FOLDER / "held_out.tsv"
ROUNDS = tuple(FOLDER / f"round_{name}.tsv" for name in ("a", "b", "c", "d", "d_held_out"))
ORIGINS = (MADE_ON, HELD_OUT, *ROUNDS)
"""Of which every claim is found."""
NOT_ALL_FOUND = tuple(FOLDER / f"round_{name}.tsv" for name in "efgh")


@dataclass(frozen=True)
class Case:
    """A reply and the kinds of claims in it, none where it is harmless, be it because of what tools have `done`."""

    language: str
    says: frozenset[str]
    reply: str
    done: frozenset[str] = frozenset()


@dataclass
class Score:
    """What the judge found in a table."""

    claims: int = 0
    harmless: int = 0
    missed: list[Case] = field(default_factory=list)
    false_alarms: list[Case] = field(default_factory=list)
    of_another_kind: list[Case] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """The share of the replies with claims that were caught."""
        return 1 - len(self.missed) / self.claims

    @property
    def precision(self) -> float:
        """The share of the caught replies that claim something."""
        caught = self.claims - len(self.missed)
        return caught / (caught + len(self.false_alarms))

    @property
    def alarm_rate(self) -> float:
        """The share of the harmless replies that were caught."""
        return len(self.false_alarms) / self.harmless


def read(path: Path) -> list[Case]:
    """The cases of a file: language, what is claimed ("nothing", or kinds with commas), what tools have done if it has
    such a column, and the reply, in which \\n is a new line."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        Case(row["language"], _kinds(row["says"]), row["reply"].replace("\\n", "\n"), _kinds(row.get("done") or ""))
        for row in rows
    ]


def _kinds(listed: str) -> frozenset[str]:
    return frozenset(listed.split(",")) - {"nothing", ""}


def score(cases: list[Case]) -> Score:
    """Judge every reply, without telling its language."""
    found = Score()
    for case in cases:
        kinds = {claim.kind for claim in unbacked(case.reply, case.done)}
        if not case.says:
            found.harmless += 1
            found.false_alarms += [case] if kinds else []
            continue
        found.claims += 1
        if not kinds:
            found.missed.append(case)
        elif kinds != case.says:
            found.of_another_kind.append(case)
    return found
