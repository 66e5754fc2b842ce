"""The table of replies: `cases.tsv`, on which the rules were made, and `held_out.tsv`, written after them."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

from receptionist.agents.claims import claims_of

FOLDER = Path(__file__).parent
MADE_ON, HELD_OUT = FOLDER / "cases.tsv", FOLDER / "held_out.tsv"


@dataclass(frozen=True)
class Case:
    """A reply and the kinds of claims in it, none where it is harmless."""

    language: str
    says: frozenset[str]
    reply: str


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
    """The cases of a file: language, what is claimed ("nothing", or kinds with commas), and the reply."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [Case(row["language"], frozenset(row["says"].split(",")) - {"nothing"}, row["reply"]) for row in rows]


def score(cases: list[Case]) -> Score:
    """Judge every reply, without telling its language."""
    found = Score()
    for case in cases:
        kinds = {claim.kind for claim in claims_of(case.reply)}
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
