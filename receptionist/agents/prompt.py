"""The instructions of a turn: what a strategy version says, compiled and checked once, with what the turn adds."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import jinja2

from receptionist.agents.sandbox import Checked, CompiledTemplate, PromptSandbox, checked
from receptionist.agents.variables import VARIABLE_NAMES, moment_values, strategy_values
from receptionist.contracts.strategy import StrategyFields
from receptionist.errors import TemplateError
from receptionist.services.directory import PublishedStrategy
from receptionist.templates_path import TEMPLATES

REMEMBERED = 500
"""Strategy versions that are kept ready."""


class Prompt(NamedTuple):
    """The instructions as pieces to be joined, most of them shared with other turns, and the values behind them."""

    pieces: list[str]
    variables: Mapping[str, Any]


class VersionPrompt:
    """The prompt of one strategy version. Safe to share between threads."""

    def __init__(self, template: CompiledTemplate, fields: StrategyFields) -> None:
        self._template = template
        self._fields = fields
        self._fixed = checked({"strategy": strategy_values(fields)})
        self._latest: tuple[tuple[int, str], Checked] | None = None

    def write(self, turn: Mapping[str, Any], now: datetime) -> Prompt:
        """The prompt at `now`, an aware time in the account's zone, with the turn's own variables.

        Raises `TemplateError`."""
        shared = self._at(now)
        return Prompt(self._template.pieces(turn, shared), {**turn, **shared.values})

    def _at(self, now: datetime) -> Checked:
        """What all turns of this minute share: opening hours, too, are told to the minute."""
        minute = int(now.timestamp() // 60), str(now.tzinfo)
        latest = self._latest
        if latest is None or latest[0] != minute:
            latest = self._latest = (minute, self._fixed | checked(moment_values(self._fields, now)))
        return latest[1]


class Prompts:
    """The prompts of the versions in use. One per process; `prepare` gets the environment of templates once."""

    def __init__(self, prepare: Callable[[jinja2.Environment], None]) -> None:
        self._sandbox = PromptSandbox(prepare)
        self._known: OrderedDict[tuple[int, frozenset[str]], VersionPrompt] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, strategy: PublishedStrategy, turn: Mapping[str, Any]) -> VersionPrompt:
        """Made once per version (and set of the turn's variable names, for plugins may add some)."""
        key = (strategy.version_id, frozenset(turn))
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
                return known
        made = self.make(strategy.fields, turn)
        with self._lock:
            self._known[key] = made
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return made

    def make(self, fields: StrategyFields, turn: Mapping[str, Any]) -> VersionPrompt:
        """The prompt of these fields, compiled now. Raises `TemplateError` if the template cannot work."""
        source = fields.system_prompt_template or bundled(fields.prompt_template)
        return VersionPrompt(self._sandbox.compile(source, VARIABLE_NAMES | turn.keys()), fields)


def bundled_names() -> list[str]:
    """The names of the bundled templates."""
    return sorted(path.stem for path in (TEMPLATES / "prompts").glob("*.jinja"))


def bundled(name: str) -> str:
    """The text of a bundled template. Raises `TemplateError` naming those there are."""
    if name not in bundled_names():
        raise TemplateError(f"There is no prompt template {name[:60]}; there are: {', '.join(bundled_names())}.")
    return (TEMPLATES / "prompts" / f"{name}.jinja").read_text("utf-8")
