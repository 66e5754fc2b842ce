"""What plugins must keep to: hooks that can be called, and objects of the right kind with a card that can be used."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args, get_type_hints

from receptionist import hookspecs
from receptionist.contracts.channel import Capabilities, Channel, LineSettings
from receptionist.contracts.model import Model
from receptionist.contracts.tool import Tool
from receptionist.errors import PluginError

NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}")
"""Of channels and models: a part of web addresses, and as long as its column."""


def named(things: dict[str, Any], kind: type) -> dict[str, Any]:
    """`things` if each is an instance of `kind` with a sound card. Raises `PluginError` otherwise."""
    for name, thing in things.items():
        if not isinstance(thing, kind):
            how = "a function marked with @tool" if kind is Tool else f"an instance of a subclass of {kind.__name__}"
            raise PluginError(f"{name} ({_home(thing)}) must be {how}, but is {thing!r}.")
        if problem := next(_problems(name, thing, kind), None):
            raise PluginError(f"{name} ({_home(thing)}): {problem}")
    return things


def hook_problem(hook: str, function: Callable[..., Any], options: Mapping[str, Any]) -> str | None:
    """Why a function that is marked as a hook can be none."""
    if not hasattr(hookspecs, hook):
        return f"there is no hook {hook}. See docs/plugins.md for the hooks."
    if options.get("wrapper") or options.get("hookwrapper"):
        return f"{hook} wraps the hooks of other plugins, which is not possible here. Mark it with @hookimpl alone."
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return f"{hook} is async, but nobody awaits a hook. Make it a plain function; asyncio.run may help in it."
    if inspect.isgeneratorfunction(function) and not hook.startswith("register_"):
        return f"{hook} yields, so that nothing in it would run. Let it return instead."
    return None


def _problems(name: str, thing: Any, kind: type) -> Iterator[str]:
    """What is wrong with its card, each with the cure."""
    if isinstance(thing, Tool):
        if not name.isidentifier():
            yield "the tool name must be letters, digits and underscores."
        return
    for method in filter(inspect.iscoroutinefunction, (getattr(type(thing), each, None) for each in vars(kind))):
        yield f"{method.__name__} is async, but nobody awaits it. Make it a plain function."
    if isinstance(thing, Channel | Model):
        if not NAME.fullmatch(name):
            yield "its name must have 1 to 40 of the characters a-z, A-Z, 0-9, _, - and the dot."
        if not isinstance(getattr(thing, "title", None), str):
            yield "it needs a title, a text for people."
    if isinstance(thing, Channel):
        yield from _of_channel(thing)
    if isinstance(thing, Model):
        if not _is_number(thing.preference):
            yield f"preference must be a number, not {thing.preference!r}."
        if not isinstance(thing.notice, str):
            yield f"notice must be a text, not {thing.notice!r}."


def _of_channel(channel: Channel) -> Iterator[str]:
    if not (inspect.isclass(channel.Settings) and issubclass(channel.Settings, LineSettings)):
        yield f"Settings must be a subclass of receptionist.LineSettings, not {channel.Settings!r}."
    can: Any = channel.capabilities
    if not isinstance(can, Capabilities):
        yield f"capabilities must be receptionist.Capabilities(...), not {can!r}."
        return
    if type(can.text_limit) is not int or can.text_limit < 1:
        yield f"text_limit must be a whole number above 0, not {can.text_limit!r}."
    if type(can.choices) is not int or can.choices < 0:
        yield f"choices must be a whole number, not {can.choices!r}."
    if not _is_number(can.burst_seconds) or can.burst_seconds < 0:
        yield f"burst_seconds must be 0 or more, not {can.burst_seconds!r}."
    window = can.reply_window_seconds
    if window is not None and not (_is_number(window) and window > 0):
        yield f"reply_window_seconds must be above 0, or None, not {window!r}."
    for word in ("delivery", "reaches"):
        allowed = get_args(get_type_hints(Capabilities)[word])
        if getattr(can, word) not in allowed:
            yield f"{word} must be one of {', '.join(map(repr, allowed))}, not {getattr(can, word)!r}."


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _home(thing: Any) -> str:
    return str(getattr(thing, "__module__", type(thing).__module__)).removeprefix("receptionist.plugins.")
