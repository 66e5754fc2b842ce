"""The instructions of a turn: what a strategy version says, compiled and checked once, with what the turn adds."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import jinja2

from receptionist.agents.bundled import answering
from receptionist.agents.hours import Timetable
from receptionist.agents.leaks import NO_LEAKS, Leaks, leaks_of
from receptionist.agents.provider_prompt import VendorVariables, own_rules
from receptionist.agents.sandbox import Checked, CompiledTemplate, PromptSandbox, checked
from receptionist.agents.variable_table import SHAPES, UNKNOWN, VARIABLE_NAMES, Shape
from receptionist.agents.variables import moment_values, strategy_values
from receptionist.contracts.model import StoredPrompt
from receptionist.contracts.strategy import StrategyFields
from receptionist.services.directory import PublishedStrategy

REMEMBERED = 500
"""Strategy versions that are kept ready."""


TEXTS = ("greeting", "backstory", "custom_instructions")
"""Fields of a strategy that are templates, too. They may not name each other: each would see the others unwritten."""


def _for_texts(shapes: Shape) -> Shape:
    return {**shapes, "strategy": {name: shape for name, shape in shapes["strategy"].items() if name not in TEXTS}}


TEXT_SHAPES = _for_texts(SHAPES)

DISCLOSURE = (
    "\n\nThis is your first reply in this conversation: say in a few words that you are an automated assistant.\n"
)

KNOWN_LEAD: Mapping[str, Any] = {
    "name": "Ada Sample",
    "email": "ada@example.com",
    "phone": "+12025550123",
    "company": "Sample",
    "notes": "Likes tea.",
    "tags": ["regular"],
    "language": "English",
    "timezone": "UTC",
    "custom": {"birthday": "1990-12-10"},
}
"""What `Prompts.check` tries a template with."""

NO_TEXTS: Mapping[str, CompiledTemplate] = {}


class Prompt(NamedTuple):
    """The instructions as pieces to be joined, most of them shared with other turns, and the values behind them.
    `stored`: the prompt at the vendor that takes their place, if the strategy names one. `leaks`: what of them may not
    be told."""

    pieces: list[str]
    variables: Mapping[str, Any]
    stored: StoredPrompt | None = None
    leaks: Leaks = NO_LEAKS


class VersionPrompt:
    """The prompt of one strategy version. Safe to share between threads.

    `texts` are fields of the strategy that are templates themselves: they are rendered first and are plain values then,
    so that nothing is rendered twice. `discloses`: add what an own template forgot to say in the first reply.
    """

    def __init__(
        self,
        template: CompiledTemplate,
        fields: StrategyFields,
        vendor: VendorVariables | None = None,
        *,
        texts: Mapping[str, CompiledTemplate] = NO_TEXTS,
        discloses: bool = False,
        leaks: Leaks = NO_LEAKS,
    ) -> None:
        self._template = template
        self._vendor = vendor
        self._texts = texts
        self._discloses = discloses
        self._leaks = leaks
        self._timetable = Timetable(fields)
        self._fixed = checked({"strategy": strategy_values(fields)})
        self._latest: tuple[tuple[int, str], Checked] | None = None

    def write(self, turn: Mapping[str, Any], now: datetime) -> Prompt:
        """The prompt at `now`, an aware time in the business's zone, with the turn's own variables.

        Raises `TemplateError`."""
        shared = self._at(now)
        if self._texts:
            shared = self._with_texts(turn, shared)
        stored = None if self._vendor is None else self._vendor.write(turn, shared)
        pieces = self._template.pieces(turn, shared)
        if self._discloses and turn["conversation"]["first_reply"]:
            pieces.append(DISCLOSURE)
        return Prompt(pieces, {**turn, **shared.values}, stored, self._leaks)

    def _with_texts(self, turn: Mapping[str, Any], shared: Checked) -> Checked:
        written = {name: template.render(turn, shared) for name, template in self._texts.items()}
        strategy = {**shared.values["strategy"], **written}
        return Checked({**shared.values, "strategy": strategy}, shared.size + sum(map(len, written.values())))

    def _at(self, now: datetime) -> Checked:
        """What all turns of this minute share: opening hours, too, are told to the minute."""
        minute = int(now.timestamp() // 60), str(now.tzinfo)
        latest = self._latest
        if latest is None or latest[0] != minute:
            latest = self._latest = (minute, self._fixed | checked(moment_values(self._timetable, now)))
        return latest[1]


class Prompts:
    """The prompts of the versions in use. One per process; `prepare` gets the environment of templates once."""

    def __init__(self, prepare: Callable[[jinja2.Environment], None]) -> None:
        self._sandbox = PromptSandbox(prepare)
        self._compiled = lru_cache(REMEMBERED)(self._compile)
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
        """The prompt of these fields, compiled now. Raises `TemplateError` if a template in them cannot work."""
        own = fields.system_prompt_template
        names = VARIABLE_NAMES.union(turn)
        source = own or answering(fields.prompt_template)
        template = self._compiled(source, names, "Template")
        texts = {
            name: self._compiled(text, names, name) for name in TEXTS if "{" in (text := str(getattr(fields, name)))
        }
        vendor = (
            VendorVariables(fields.prompt, lambda text: self._compiled(text, names, "Template"))
            if fields.prompt
            else None
        )
        forgets = bool(own) and fields.disclosure and not template.reads("strategy", "disclosure")
        leaks = leaks_of(fields, source, own_rules(fields, first_reply=True))
        return VersionPrompt(template, fields, vendor, texts=texts, discloses=forgets, leaks=leaks)

    def check(self, fields: StrategyFields, turn: Mapping[str, Any]) -> None:
        """Write the prompt of these fields for a turn like this one, with a lead of whom nothing is known and with one
        of whom much is. Raises `TemplateError` if that does not work."""
        prompt = self.make(fields, turn)
        now = datetime.now(ZoneInfo(fields.timezone or "UTC"))
        prompt.write(turn, now)
        known = {**turn["lead"], **KNOWN_LEAD}
        goals = [{"kind": "booking", "title": "Book a table", "slots": {"guests": 2}}]
        conversation = {**turn["conversation"], "first_reply": False}
        prompt.write({**turn, "lead": known, "goals": goals, "conversation": conversation}, now)

    def check_names(
        self, fields: StrategyFields, turn: Mapping[str, Any], tools: Collection[str], custom: Collection[str]
    ) -> None:
        """Raises `TemplateError` if a template in these fields, which passed `check`, names a field of leads that is
        not among `custom`, or a tool's settings where the tool is not among `tools`."""
        lead = {**SHAPES["lead"], "custom": {name: {} for name in custom}}
        strategy = {**SHAPES["strategy"], "tool_settings": dict.fromkeys(tools, UNKNOWN)}
        shapes = {**SHAPES, "lead": lead, "strategy": strategy}
        names = VARIABLE_NAMES.union(turn)
        self._sandbox.compile(fields.system_prompt_template, names, shapes)
        for name in TEXTS:
            self._sandbox.compile(getattr(fields, name), names, _for_texts(shapes), name)
        if fields.prompt:
            VendorVariables(fields.prompt, lambda text: self._sandbox.compile(text, names, shapes))

    def _compile(self, source: str, names: frozenset[str], title: str) -> CompiledTemplate:
        return self._sandbox.compile(source, names, TEXT_SHAPES if title in TEXTS else SHAPES, title)
