"""The figures: printed as they come, at the end a Markdown table and a JSON file beside it."""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import asdict, dataclass
from os import cpu_count
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One figure. `target` is a bound such as "<= 1.6" or ">= 120"; empty where there is none."""

    section: str
    what: str
    value: float
    unit: str
    target: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without a target."""
        if not self.target:
            return None
        sign, bound = self.target.split()
        return self.value >= float(bound) if sign == ">=" else self.value <= float(bound)

    def cells(self) -> list[str]:
        """The row as the table shows it."""
        verdict = {None: "", True: "met", False: "**missed**"}[self.met]
        return [self.what, f"{_rounded(self.value)} {self.unit}".strip(), self.target, verdict]


def _rounded(value: float) -> str:
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


class Report:
    """All rows of one run."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.notes: list[str] = []
        self.section = ""

    def begin(self, section: str) -> None:
        """From now on rows belong to this section."""
        self.section = section
        say(f"\n{section}")

    def add(self, what: str, value: float, unit: str = "", target: str = "") -> None:
        """Add a figure."""
        row = Row(self.section, what, value, unit, target)
        self.rows.append(row)
        say("  " + "  ".join(cell for cell in row.cells() if cell))

    def note(self, text: str) -> None:
        """Add something a reader of the figures must know."""
        self.notes.append(f"{self.section}: {text}")
        say(f"  note: {text}")

    def markdown(self) -> str:
        """The table, section by section."""
        cores = f"{cpu_count()} cores, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
        lines = [f"Measured on {cores}. Absolute figures wander; compare within this table.", ""]
        for section in dict.fromkeys(row.section for row in self.rows):
            lines += [f"### {section}", "", "| what | value | target | |", "|---|---:|---:|---|"]
            lines += ["| " + " | ".join(row.cells()) + " |" for row in self.rows if row.section == section]
            lines.append("")
        judged = [row for row in self.rows if row.target]
        lines.append(f"{sum(row.met is True for row in judged)} of {len(judged)} targets met.")
        lines += [f"- {note}" for note in self.notes]
        return "\n".join(lines) + "\n"

    def save(self, path: Path) -> None:
        """Write the table to `path` (.md) and all rows to the same name with .json."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.markdown(), encoding="utf-8")
        document = {"rows": [asdict(row) | {"met": row.met} for row in self.rows], "notes": self.notes}
        path.with_suffix(".json").write_text(json.dumps(document, indent=1), encoding="utf-8")


def say(text: str) -> None:
    """Show progress."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
