"""What a strategy's fields must keep to on this installation, besides their own form."""

from __future__ import annotations

from collections.abc import Mapping

from receptionist.agents.bundled import answering
from receptionist.agents.public_holidays import check_holidays
from receptionist.agents.tools import PreparedTool
from receptionist.contracts.model import Model
from receptionist.contracts.strategy import StrategyFields
from receptionist.errors import LineError
from receptionist.localtime import is_timezone


def check_fields(fields: StrategyFields, tools: Mapping[str, PreparedTool], models: Mapping[str, Model]) -> None:
    """Raises an `AdminError` for an unknown tool or one that is not permitted, an unknown model, bundled template or
    time zone, settings that a tool does not take, a fallback that is the model itself, two prompts at once, and empty
    text where something needs a name."""
    _check_filled(fields)
    _check_tools(fields, tools)
    _check_models(fields, models)
    if fields.timezone and not is_timezone(fields.timezone):
        raise LineError(f"timezone: there is no time zone {fields.timezone}; write one like Europe/Berlin.")
    check_holidays(fields)
    if fields.outside_hours == "text" and not (fields.opening_hours or fields.exceptions):
        raise LineError(
            "outside_hours is text, but there are no opening_hours: the agent would never answer. Fill them in, or set "
            "outside_hours to answer."
        )
    answering(fields.prompt_template)
    if fields.prompt is not None and fields.system_prompt_template:
        raise LineError(
            "prompt and system_prompt_template are both set, but only one of them can be the prompt. Set "
            "system_prompt_template to empty text, or prompt to null."
        )


def _check_filled(fields: StrategyFields) -> None:
    """Not a rule of the fields' own form, for versions that were published before must go on answering."""
    needed = {
        "agent_name": fields.agent_name,
        **{f"services.{number}.name": service.name for number, service in enumerate(fields.services)},
        **{f"facts.{number}.topic": fact.topic for number, fact in enumerate(fields.facts)},
        **{f"languages.{number}": language for number, language in enumerate(fields.languages)},
    }
    if empty := [name for name, value in needed.items() if not value.strip()]:
        raise LineError(f"{', '.join(empty)}: this must not be empty; write something, or take it out.")


def _check_tools(fields: StrategyFields, tools: Mapping[str, PreparedTool]) -> None:
    if unknown := [tool for tool in (*fields.tools, *fields.tool_settings) if tool not in tools]:
        names = ", ".join(dict.fromkeys(unknown))
        raise LineError(f"There is no tool {names}; there are: {', '.join(sorted(tools)) or 'none'}.")
    for name in fields.tools:
        if (effect := tools[name].tool.effect) not in fields.permissions:
            raise LineError(
                f"The tool {name} {effect}, which this strategy does not permit. Add {effect} to permissions, or take "
                f"{name} out of tools."
            )
    for name, given in fields.tool_settings.items():
        tools[name].settings(given)


def _check_models(fields: StrategyFields, models: Mapping[str, Model]) -> None:
    for wanted in filter(None, (fields.model, fields.fallback_model)):
        plugin = wanted.partition("/")[0]
        if plugin not in models:
            raise LineError(f"There is no model {plugin}; there are: {', '.join(sorted(models))}.")
    if fields.fallback_model and fields.fallback_model == fields.model:
        raise LineError(f"fallback_model is the model itself, {fields.model}; name another one, or none.")
