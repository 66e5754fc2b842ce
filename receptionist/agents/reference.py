"""The tables of docs/prompt-templates.md, made from the code: python -m receptionist.agents.reference FILE"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from receptionist.agents.braces import BRACES
from receptionist.agents.prompt import TEXTS
from receptionist.agents.template_filters import FILTERS
from receptionist.agents.variable_table import TABLE

_PLACE = re.compile(r"(<!-- table of (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def tables() -> dict[str, str]:
    """Each table in Markdown, by its name."""
    return {
        "variables": _table(("variable", "what it is"), TABLE.items()),
        "names": _table(("name", "stands for"), ((f"{{{name}}}", _meant(name, text)) for name, text in BRACES.items())),
        "filters": _table(("filter", "what it makes of a value"), FILTERS.items()),
    }


def filled(page: str, found: Mapping[str, str]) -> str:
    """A page with these tables between their marks, `<!-- table of NAME -->` and `<!-- end -->`."""
    return _PLACE.sub(lambda place: f"{place[1]}\n{found[place[2]]}\n{place[3]}", page)


def _meant(name: str, text: str) -> str:
    return f"`{text}`" + (f"; not in {', '.join(TEXTS)}" if name in TEXTS else "")


def _table(head: tuple[str, str], rows: Iterable[tuple[str, str]]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "|---|---|"]
    lines += [f"| `{name}` | {text.replace('|', chr(92) + '|')} |" for name, text in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(filled(path.read_text("utf-8"), tables()), "utf-8")
