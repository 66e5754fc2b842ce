"""The settings page names every field of a strategy, with its default."""

from __future__ import annotations

import json
import re
from typing import Any

from receptionist.contracts.strategy import StrategyFields
from tests.structure.sources import ROOT


def as_written(default: Any) -> str:
    """A default as the table has it."""
    if default is None:
        return "none"
    if default == "":
        return "empty"
    return f"`{default}`" if isinstance(default, str) else f"`{json.dumps(default)}`"


def test_every_field_is_in_the_table_with_its_default() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    section = page.partition("## Fields of a strategy")[2].partition("\n## ")[0]
    told = {
        name: default.strip()
        for names, default in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| ([^|]+) \| [^|]+ \|$", section, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", names)
    }
    assert told == {name: as_written(default) for name, default in StrategyFields().model_dump(mode="json").items()}
