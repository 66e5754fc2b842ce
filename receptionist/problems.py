"""What pydantic found wrong, in words for an admin; never with the values, which may be secret."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError

from receptionist.text import sentence


def problems(error: ValidationError, kind: type[BaseModel]) -> str:
    """Each problem as "field: what is wrong", joined by semicolons, as a sentence; an unknown field with the nearest
    known one."""
    return sentence("; ".join(_problem(problem, kind.model_fields) for problem in error.errors(include_url=False)))


def _problem(problem: Any, known: Iterable[str]) -> str:
    where = ".".join(str(part) for part in problem["loc"] if part != "[key]")
    match problem["type"]:
        case "extra_forbidden":
            close = difflib.get_close_matches(str(problem["loc"][-1]), known, 1)
            return f"{where}: there is no such field" + (f", did you mean {close[0]}?" if close else "")
        case "model_type" | "dict_type" if not where:
            return "this must be a JSON object with fields"
        case "literal_error":
            return f"{where}: choose {problem['ctx']['expected']}"
        case "string_type":
            return f"{where}: must be text, in quotes"
        case "greater_than_equal":
            return f"{where}: must be at least {problem['ctx']['ge']}"
        case "less_than_equal":
            return f"{where}: must be at most {problem['ctx']['le']}"
        case "string_pattern_mismatch":
            return f"{where}: must look like {problem['ctx']['pattern']}"
        case _:
            said = str(problem["msg"]).removeprefix("Value error, ")
            return f"{where}: {said}" if where else said
