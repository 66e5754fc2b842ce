"""A strategy as a file: to take it to another installation, or to keep it beside other texts."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from receptionist.contracts.strategy import StrategyFields
from receptionist.db import Scope
from receptionist.errors import LineError
from receptionist.problems import problems
from receptionist.services.strategies import strategies, strategy_drafts
from receptionist.services.strategies.strategies import MAX_DESCRIPTION, MAX_NAME, Check

FORMAT = 1
MAX_FILE = 4_000_000
"""Characters of a file; the largest strategy is smaller."""


class StrategyFile(BaseModel):
    """The header of a file, and the fields."""

    model_config = ConfigDict(extra="forbid")

    receptionist_strategy: int
    name: str = Field(min_length=1, max_length=MAX_NAME)
    description: str = Field(default="", max_length=MAX_DESCRIPTION)
    fields: dict[str, Any]


def as_text(name: str, description: str, fields: StrategyFields) -> str:
    """The file's text, JSON with a line break at its end."""
    file = StrategyFile(
        receptionist_strategy=FORMAT, name=name, description=description, fields=fields.model_dump(mode="json")
    )
    return json.dumps(file.model_dump(), indent=2, ensure_ascii=False) + "\n"


def take_in(scope: Scope, text: str, check: Check, by: str, *, name: str | None = None) -> tuple[str, bool]:
    """Make the fields of a file the draft of the strategy `name` (None: the one the file names), made if new.

    Returns its name and whether it is new. Nothing is published, and what a strategy that exists already is described
    as stays. Raises `LineError` for what is no such file, naming each wrong field, `EditConflict` if there is a draft
    already, and an `AdminError` for fields that cannot work here."""
    file = _parse(text)
    wanted = strategies.named(file.name if name is None else name)
    fields = strategies.parse(file.fields)
    new = wanted not in {row.name for row in strategies.listed(scope)}
    strategy_id = strategies.create(scope, wanted, file.description) if new else strategies.find(scope, wanted).id
    strategy_drafts.begin(scope, strategy_id, fields, check, by)
    return wanted, new


def _parse(text: str) -> StrategyFile:
    if len(text) > MAX_FILE:
        raise LineError(f"This file has more than {MAX_FILE} characters; it is no strategy.")
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LineError(f"This is not JSON: {str(error)[:200]}.") from None
    if not isinstance(plain, dict) or "receptionist_strategy" not in plain:
        raise LineError(
            "This is no exported strategy: it lacks the header receptionist_strategy. Bare fields are taken by "
            "receptionist strategy publish NAME FILE."
        )
    try:
        file = StrategyFile.model_validate(plain)
    except ValidationError as error:
        raise LineError(f"This file cannot be read: {problems(error, StrategyFile)}") from None
    if file.receptionist_strategy != FORMAT:
        raise LineError(
            f"This file is of format {file.receptionist_strategy}, but this version of Receptionist reads {FORMAT}."
        )
    return file
