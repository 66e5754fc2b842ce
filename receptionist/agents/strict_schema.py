"""JSON schemas as strict function calling takes them: what a vendor refuses is said in other words, or stops the start.

What is left out of a schema still holds: arguments are checked by the tool's own types when they come."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

FORMATS = frozenset(("date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid"))
"""Of texts; OpenAI refuses others (https://platform.openai.com/docs/guides/structured-outputs#supported-schemas)."""

_LEFT_OUT = frozenset(("title", "default", "discriminator", "uniqueItems", "examples", "deprecated"))
_LOOKAROUND = re.compile(r"\(\?<?[=!]")
"""Of patterns; OpenAI refuses the whole request for it, and newer versions of pydantic write it for each Decimal."""
_TYPED = frozenset(("type", "$ref", "anyOf", "enum", "const"))


def strict(schema: Mapping[str, Any], name: str = "") -> dict[str, Any]:
    """The schema with every object closed and every key required; optional keys take null. `name`: whose it is.

    Raises `TypeError` for what no strict schema can say: any value at all, a dict of any keys, a tuple."""
    result: dict[str, Any] = {}
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            result[key] = {inner: strict(part, inner) for inner, part in value.items()}
        elif key == "items":
            result[key] = strict(value, name)
        elif key in ("anyOf", "oneOf"):
            result["anyOf"] = [strict(part, name) for part in value]
        elif key not in _LEFT_OUT and not _is_unknown(key, value):
            result[key] = value
    _check(result, name)
    if "$ref" in result and len(result) > 1:  # which takes no description beside it, but anyOf does
        result["anyOf"] = [{"$ref": result.pop("$ref")}]
    return _closed(result) if result.get("type") == "object" else result


def _is_unknown(key: str, value: Any) -> bool:
    return (key == "format" and value not in FORMATS) or (key == "pattern" and bool(_LOOKAROUND.search(value)))


def _check(schema: Mapping[str, Any], name: str) -> None:
    if _TYPED.isdisjoint(schema):
        raise TypeError(f"{name} needs a type that says what it is, such as str: neither Any nor a list of anything")
    if schema.get("type") == "array" and ("prefixItems" in schema or "items" not in schema):
        raise TypeError(f"{name} may not be a tuple; take a list of one type, or a model with a field for each")
    if schema.get("type") == "object" and "properties" not in schema:
        raise TypeError(f"{name} may not be a dict of any keys; take a list of a model with a name and a value")


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    required = set(schema.get("required", ()))
    properties = {
        name: part if name in required else _nullable(part) for name, part in schema.get("properties", {}).items()
    }
    return {**schema, "properties": properties, "required": list(properties), "additionalProperties": False}


def _nullable(part: dict[str, Any]) -> dict[str, Any]:
    options = part.get("anyOf", ())
    if part.get("type") == "null" or any(option.get("type") == "null" for option in options):
        return part
    if options:
        return {**part, "anyOf": [*options, {"type": "null"}]}
    if isinstance(part.get("type"), str) and "enum" not in part:
        return {**part, "type": [part["type"], "null"]}
    description = {"description": part["description"]} if "description" in part else {}
    inner = {key: value for key, value in part.items() if key != "description"}
    return {"anyOf": [inner, {"type": "null"}], **description}
