"""What `docs/tools.md` must say of a tool, made from the tool itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from receptionist import Tool
from receptionist.agents.tools import PreparedTool

FORMS = {"date": "a date", "date-time": "a date and time"}
KINDS = {"boolean": "true or false", "integer": "a whole number", "number": "a number"}


def section(tool: Tool) -> str:
    """The part of the page below the tool's heading."""
    plugin = tool.function.__module__.removeprefix("receptionist.plugins.")
    asks = f"after the customer agreed: {tool.confirm}" if tool.confirm else "without asking the customer first"
    if tool.claims is None:
        backs = "anything" if tool.acts else "nothing by itself"
    else:
        backs = ", ".join(f"`{claim}`" for claim in tool.claims) or "nothing by itself"
    facts = f"Plugin `{plugin}`. Permission `{tool.effect}`; called {asks}. Claims it backs: {backs}."
    told = "> " + " ".join(tool.description.split())
    arguments = _table("argument", PreparedTool(tool).model) or "It takes no arguments.\n"
    settings = _table("setting", tool.settings) if tool.settings else ""
    return f"\n{facts}\n\n{told}\n\n{arguments}" + (f"\n{settings}" if settings else "")


def _table(what: str, model: type[BaseModel]) -> str:
    """The fields of a model as a table; empty if there are none."""
    schema = model.model_json_schema()
    rows = list(_rows(schema, schema.get("$defs", {}), needed=schema.get("required", ())))
    return "".join([f"| {what} | value | default | meaning |\n|---|---|---|---|\n", *rows]) if rows else ""


def _rows(schema: Mapping[str, Any], parts: Mapping[str, Any], needed: Any) -> Iterator[str]:
    for name, field in schema.get("properties", {}).items():
        default = "must be given" if name in needed else _default(field["default"])
        yield f"| `{name}` | {_value(field, parts)} | {default} | {field.get('description', '')} |\n"


def _default(value: Any) -> str:
    return "none" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _value(schema: Mapping[str, Any], parts: Mapping[str, Any]) -> str:
    """What a field may be, in words."""
    if "$ref" in schema:
        return _value(parts[schema["$ref"].rpartition("/")[2]], parts)
    if "anyOf" in schema:
        return " or ".join(_value(each, parts) for each in schema["anyOf"] if each != {"type": "null"})
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    if schema["type"] == "array":
        return f"{_range(schema, 'Items')} of: {_value(schema['items'], parts)}".strip()
    if schema["type"] == "object":
        return "; ".join(f"`{name}` ({_value(field, parts)})" for name, field in schema["properties"].items())
    if "format" in schema:
        return FORMS[schema["format"]]
    if schema["type"] == "string":
        return f"text, {_range(schema, 'Length')} characters"
    bounds = f", {schema['minimum']} to {schema['maximum']}" if "maximum" in schema else ""
    return KINDS[schema["type"]] + bounds


def _range(schema: Mapping[str, Any], what: str) -> str:
    """ "1 to 200", "at most 200"; raises `KeyError` for an argument without a bound, which no bundled tool may have."""
    least, most = schema.get(f"min{what}"), schema[f"max{what}"]
    return f"{least} to {most}" if least else f"at most {most}"


def headings(page: str) -> list[str]:
    """The tools that the page has a part about, in its order."""
    return re.findall(r"^## `(\w+)`$", page, re.MULTILINE)
