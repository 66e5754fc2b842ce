"""Tools as the model is told of them, and the checking of what it asks for."""

from __future__ import annotations

import inspect
import json
import re
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, wraps
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from receptionist.agents.strict_schema import strict
from receptionist.contracts.model import ToolSpec
from receptionist.contracts.tool import Tool
from receptionist.errors import LineError, PluginError
from receptionist.problems import problems

MAX_ARGUMENTS = 20_000
"""Characters of JSON a model may send as arguments."""

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""Of tools, as OpenAI takes them."""
HELD_BACK = "This is a rehearsal: it was not really done. Go on as if it had worked."
"""What a model is told in place of the result of a tool that is not really called."""


class BadArguments(Exception):
    """The model's arguments do not fit; the text tells it why."""


@dataclass(frozen=True)
class PreparedTool:
    """A tool with its schema, made once per process."""

    tool: Tool

    @cached_property
    def model(self) -> type[BaseModel]:
        """The arguments as a pydantic model, from the function's signature."""
        hints = typing.get_type_hints(self.tool.function, include_extras=True)
        fields: dict[str, Any] = {}
        for name, parameter in inspect.signature(self.tool.function).parameters.items():
            if name == "context":
                continue
            if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                raise PluginError(f"Tool {self.tool.name}: the parameter {parameter} cannot be given by its name.")
            if name not in hints:
                raise PluginError(f"Tool {self.tool.name}: the parameter {name} needs a type.")
            empty = parameter.default is inspect.Parameter.empty
            fields[name] = (hints[name], ... if empty else parameter.default)
        return create_model(self.tool.name, __config__=ConfigDict(extra="forbid"), **fields)

    @cached_property
    def spec(self) -> ToolSpec:
        """The tool for the model, with a strict schema."""
        schema = strict(self.model.model_json_schema())
        return ToolSpec(self.tool.name, self.tool.description, schema)

    @cached_property
    def wants_context(self) -> bool:
        """Whether the function takes a `context`."""
        return "context" in inspect.signature(self.tool.function).parameters

    @cached_property
    def settings_model(self) -> type[BaseModel] | None:
        """What a strategy may set for the tool, with unknown names refused; None if it takes no settings."""
        kind = self.tool.settings
        if kind is None:
            return None
        return type(kind.__name__, (kind,), {"__module__": kind.__module__, "model_config": {"extra": "forbid"}})

    def settings(self, given: Mapping[str, Any]) -> BaseModel | None:
        """`given` as the function gets it, with defaults for the rest. Raises `LineError` naming each wrong one."""
        kind = self.settings_model
        if kind is None:
            if given:
                raise LineError(f"The tool {self.tool.name} takes no settings.")
            return None
        try:
            return kind.model_validate(given)
        except ValidationError as error:
            names = ", ".join(kind.model_fields)
            raise LineError(
                f"tool_settings of {self.tool.name}: {problems(error, kind)} Settings of this tool: {names}."
            ) from None

    def parse(self, arguments: str) -> dict[str, Any]:
        """Checked arguments. Raises `BadArguments`. A null for a parameter with a default means the default."""
        values = _parse_json(arguments)
        given = {
            name: value
            for name, value in values.items()
            if value is not None or name not in self.model.model_fields or self.model.model_fields[name].is_required()
        }
        try:
            parsed = self._validated(given)
        except ValidationError as error:
            problems = error.errors(include_input=False, include_url=False)
            raise BadArguments("; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in problems)) from None
        return {name: getattr(parsed, name) for name in type(parsed).model_fields}

    def _validated(self, given: dict[str, Any]) -> BaseModel:
        """The arguments, checked. A null further in means the default, too, where no null may stand."""
        try:
            return self.model.model_validate(given)
        except ValidationError as error:
            nulls = [each["loc"] for each in error.errors(include_url=False) if each["input"] is None]
            if not nulls:
                raise
        for place in nulls:
            _leave_out(given, place)
        return self.model.model_validate(given)


def prepared_tool(tool: Tool) -> PreparedTool:
    """The tool with its schema made. Raises `PluginError` for a name that no model takes, a parameter without a type
    that pydantic knows, and a setting that is secret."""
    prepared = PreparedTool(tool)
    try:
        _check_name(tool.name)
        prepared.spec  # noqa: B018 - made now, so that a mistake stops the start
        prepared.settings({})
        _no_secrets(tool)
    except PluginError:
        raise
    except Exception as error:  # pydantic and typing raise of many kinds; the start names the tool
        code = tool.function.__code__
        raise PluginError(
            f"Tool {tool.name} ({code.co_filename}:{code.co_firstlineno}): its parameters cannot be described to a "
            f"model, or its settings lack a default: {' '.join(str(error).split())[:300]}"
        ) from error
    return prepared


def _check_name(name: str) -> None:
    """A vendor refuses the whole request for one wrong name. Raises `PluginError`."""
    if not NAME.fullmatch(name):
        raise PluginError(
            f"Tool {name}: a tool's name has 1 to 64 of the characters a-z, A-Z, 0-9, _ and -; rename it."
        )


def _no_secrets(tool: Tool) -> None:
    """Strategies are kept, shown and copied in plain text, with all their versions. Raises `PluginError`."""
    schema = tool.settings.model_json_schema(by_alias=False) if tool.settings is not None else {}
    parts = [schema, *schema.get("$defs", {}).values()]
    names = [name for part in parts for name, kind in part.get("properties", {}).items() if _is_secret(kind)]
    if names:
        raise PluginError(
            f"Tool {tool.name}: its setting {names[0]} is secret, but a strategy keeps settings in plain text. Make it "
            "a setting of the plugin (register_settings), which comes from the environment."
        )


def _is_secret(schema: Any) -> bool:
    """Whether a JSON schema is that of a secret, or has one somewhere."""
    if isinstance(schema, Mapping):
        return schema.get("format") == "password" or any(map(_is_secret, schema.values()))
    return isinstance(schema, list) and any(map(_is_secret, schema))


def held_back(prepared: PreparedTool) -> PreparedTool:
    """The same tool for the model, but a call of it does nothing and returns `HELD_BACK`."""

    @wraps(prepared.tool.function)
    def pretend(**_: Any) -> str:
        return HELD_BACK

    return PreparedTool(replace(prepared.tool, function=pretend, confirm=None))


def _leave_out(values: Any, place: Sequence[int | str]) -> None:
    """Take one key out of an object within `values`; pieces of its place that only name a choice are passed over."""
    for piece in place[:-1]:
        if isinstance(piece, int):  # of a list
            values = values[piece]
        elif isinstance(values, dict):
            values = values.get(piece, values)
    if isinstance(values, dict):
        values.pop(place[-1], None)


def _parse_json(text: str) -> dict[str, Any]:
    """A JSON object, strictly: no NaN, nothing infinite, no key twice, no surprises of depth or size."""
    if len(text) > MAX_ARGUMENTS:
        raise BadArguments("the arguments are too long")
    try:
        value = json.loads(text or "{}", object_pairs_hook=_no_key_twice, parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise BadArguments(f"the arguments are not valid JSON: {str(error)[:200]}") from None
    if not isinstance(value, dict):
        raise BadArguments("the arguments must be a JSON object")
    return value


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
