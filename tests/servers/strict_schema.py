"""The rules of strict JSON schemas, for tools and structured answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.servers.model_refusal import Refusal


def check_strict(schema: Any, context: tuple[str, ...], owner: str, param: str, code: str) -> None:
    """The rules of strict mode: every object closed, every key required, and some keywords not known."""

    def refuse(text: str) -> Refusal:
        return Refusal(400, f"Invalid schema for {owner}: In context={context}, {text}", param=param, code=code)

    if not isinstance(schema, Mapping) or (not context and schema.get("type") != "object"):
        raise refuse("schema must be a JSON Schema of 'type: \"object\"'.")
    for keyword in ("default", "oneOf", "allOf", "not", "patternProperties"):
        if keyword in schema:
            raise refuse(f"'{keyword}' is not permitted.")
    if "$ref" in schema and len(schema) > 1:
        raise refuse(f"$ref cannot have keywords {set(schema) - {'$ref'}}.")
    properties = schema.get("properties") or {}
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            raise refuse("'additionalProperties' is required to be supplied and to be false.")
        if missing := set(properties) - set(schema.get("required") or ()):
            text = "'required' is required to be supplied and to be an array including every key in properties."
            raise refuse(f"{text} Missing '{min(missing)}'.")
    elif not {"type", "$ref", "anyOf", "enum", "const"} & set(schema):
        raise refuse("schema must have a 'type' key.")
    parts: list[tuple[tuple[str, ...], Any]] = [(("properties", key), value) for key, value in properties.items()]
    parts += [(("$defs", key), value) for key, value in (schema.get("$defs") or {}).items()]
    parts += [(("anyOf", str(index)), value) for index, value in enumerate(schema.get("anyOf") or ())]
    if "items" in schema:
        parts.append((("items",), schema["items"]))
    for more, value in parts:
        check_strict(value, (*context, *more), owner, param, code)
