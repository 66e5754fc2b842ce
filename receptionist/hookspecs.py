"""The hooks, grouped by moment. A plugin implements any of them with `@hookimpl` from `receptionist`.

Three verbs: `register_*` returns named objects once, at the start; `veto_*` returns a reason or None;
`edit_*` changes its first argument. What happened arrives at `on_event`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import click
    import flask
    import jinja2

    from receptionist.contracts.calendar import Calendar
    from receptionist.contracts.channel import Channel, Line
    from receptionist.contracts.edits import Draft, EditableMessage, PromptContext
    from receptionist.contracts.events import Event
    from receptionist.contracts.host import Host
    from receptionist.contracts.messages import Inbound
    from receptionist.contracts.model import Model
    from receptionist.contracts.settings import Settings
    from receptionist.contracts.storage import Storage
    from receptionist.contracts.tool import Tool, ToolContext

hookspec = pluggy.HookspecMarker("receptionist")
hookimpl = pluggy.HookimplMarker("receptionist")

# --- at the start ------------------------------------------------------------------------------


@hookspec
def register_settings() -> Iterable[type[Settings]]:  # type: ignore[empty-body]
    """Settings classes this plugin reads from the environment."""


@hookspec
def register_channels(host: Host) -> Iterable[Channel]:  # type: ignore[empty-body]
    """Kinds of connection on which customers write."""


@hookspec
def register_tools(host: Host) -> Iterable[Tool]:  # type: ignore[empty-body]
    """Functions the agent may call."""


@hookspec
def register_models(host: Host) -> Iterable[Model]:  # type: ignore[empty-body]
    """What writes the answers."""


@hookspec
def register_calendars(host: Host) -> Iterable[Calendar]:  # type: ignore[empty-body]
    """Where the business's time is kept."""


@hookspec
def register_storages(host: Host) -> Iterable[Storage]:  # type: ignore[empty-body]
    """Where files live."""


@hookspec
def register_blueprints(host: Host) -> Iterable[flask.Blueprint]:  # type: ignore[empty-body]
    """Flask blueprints to mount; their URL prefix must begin with the plugin's name."""


@hookspec
def register_health_checks(host: Host) -> Mapping[str, Any]:  # type: ignore[empty-body]
    """Named functions without arguments that return None, or say what is wrong; for `doctor`."""


@hookspec
def register_commands(host: Host) -> Iterable[click.Command]:  # type: ignore[empty-body]
    """Commands for the `receptionist` program."""


@hookspec
def startup(host: Host) -> None:
    """The process is about to work; called once in each process, after a fork."""


@hookspec
def shutdown(host: Host) -> None:
    """The process is about to end; called once in each process that was started."""


# --- a message comes in --------------------------------------------------------------------------


@hookspec
def edit_message(message: EditableMessage, line: Line) -> None:
    """Change an inbound message's text before it is stored."""


@hookspec(firstresult=True)
def find_lead(inbound: Inbound, line: Line, host: Host) -> int | None:
    """The id of the lead who wrote, when its address is new; None leaves it to core."""


# --- the agent answers ---------------------------------------------------------------------------


@hookspec
def veto_answer(context: PromptContext) -> str | None:
    """A reason for the agent to stay silent in this turn."""


@hookspec
def prepare_prompt_environment(environment: jinja2.Environment) -> None:
    """Add filters to the environment strategy templates run in."""


@hookspec
def prompt_variables(context: PromptContext) -> Mapping[str, Any]:  # type: ignore[empty-body]
    """More plain values for strategy templates."""


@hookspec
def veto_tool_call(tool: str, arguments: Mapping[str, Any], context: ToolContext) -> str | None:
    """A reason not to make this tool call; the model reads it."""


@hookspec
def edit_reply(draft: Draft, context: PromptContext) -> None:
    """Change the reply before it is recorded."""


# --- afterwards -----------------------------------------------------------------------------------


@hookspec
def on_event(event: Event, host: Host) -> None:
    """Something happened and is committed; return quickly, for the next turn waits for you. A CRM listens here."""


__all__ = ["hookimpl", "hookspec"]
