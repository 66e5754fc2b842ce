"""A conversation written down as a YAML file, read into plain steps; what is wrong is told with file and line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from receptionist.errors import AdminError

PAGE = "docs/scripted-conversations.md"
MOVES = ("says", "calls", "fails")
ACTORS = ("customer", "person", "later", "own strategy")
EXPECTED = (
    "reply",
    "replies",
    "reply contains",
    "reply does not contain",
    "silence",
    "called",
    "not called",
    "model is shown",
    "model is not shown",
    "stored",
)
STORED = ("lead", "goals", "tasks", "person asked for", "turn", "opted out")
_TOP = ("conversation", "about", "channel", "clock", "business", "strategy", "steps")
_OF_A_STEP = (*ACTORS, "writes", "takes", "hands back", "model", "second model", *EXPECTED)
_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_TIME = re.compile(r"(\d{1,5}) (second|minute|hour|day|week)s?")


class ScriptError(AdminError):
    """A file that is no conversation; the text begins with file and line."""


@dataclass(frozen=True, slots=True)
class Move:
    """What a model does when it is asked. `kind`: one of `MOVES`; `text`: the words, the tool or the reason."""

    line: int
    kind: str
    text: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Expected:
    """Something that must be so after a step. `kind`: one of `EXPECTED`."""

    line: int
    kind: str
    value: Any


@dataclass(frozen=True, slots=True)
class Step:
    """What somebody does, what the models do then, and what must come of it. `value`: of the actor's key."""

    line: int
    actor: str
    value: Any
    also: Mapping[str, str]
    model: Sequence[Move]
    second_model: Sequence[Move]
    expected: Sequence[Expected]


@dataclass(frozen=True, slots=True)
class Script:
    """A whole file. `clock` is "2026-12-23 10:15" in the business's zone, or empty for the real time."""

    path: Path
    title: str
    channel: str
    clock: str
    business: Mapping[str, Any]
    strategy: Mapping[str, Any]
    steps: Sequence[Step]


def load(path: Path) -> Script:
    """Read a file. Raises `ScriptError`, also where PyYAML is not installed."""
    reader = _Reader(path)
    top = reader.section(reader.root(), _TOP, "A conversation")
    for name in ("conversation", "steps"):
        if name not in top:
            raise reader.error(1, f"There is no {name!r}.")
    steps = [reader.step(node) for node in reader.items(top["steps"], "steps")]
    if not steps:
        raise reader.error(1, "There are no steps.")
    return Script(
        path,
        reader.text(top["conversation"]),
        reader.text(top["channel"]) if "channel" in top else "webchat",
        reader.moment(top["clock"]) if "clock" in top else "",
        reader.mapping(top.get("business"), "business"),
        reader.mapping(top.get("strategy"), "strategy"),
        steps,
    )


def time_of(text: str) -> timedelta | None:
    """ "2 days 3 hours" as a length of time; None if it is none."""
    if not re.fullmatch(rf"{_TIME.pattern}( {_TIME.pattern})*", text):
        return None
    return timedelta(seconds=sum(int(number) * _UNITS[unit] for number, unit in _TIME.findall(text)))


class _Reader:
    """The nodes of one file, which know their lines."""

    def __init__(self, path: Path) -> None:
        try:
            import yaml
        except ImportError as error:
            raise ScriptError(f"{path}: Reading it needs PyYAML: pip install 'receptionist[test]'.") from error
        self._yaml = yaml
        self._path = path

    def error(self, line: int, text: str) -> ScriptError:
        return ScriptError(f"{self._path}:{line}: {text} {PAGE} tells what may be written.")

    def root(self) -> Any:
        """The top of the file; safely read: only texts, numbers, lists and mappings, and no aliases."""
        yaml = self._yaml
        try:
            text = self._path.read_text(encoding="utf-8")
            for event in yaml.parse(text, yaml.SafeLoader):
                if isinstance(event, yaml.AliasEvent):
                    raise self.error(event.start_mark.line + 1, f"An alias (*{event.anchor}) is not allowed.")
            return yaml.compose(text, yaml.SafeLoader)
        except OSError as error:
            raise ScriptError(f"{self._path}: It cannot be read: {error.strerror or error}.") from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or error
            raise self.error(mark.line + 1 if mark else 1, f"This is no YAML: {problem}.") from error

    def section(self, node: Any, names: Sequence[str], what: str) -> dict[str, Any]:
        """The nodes of a mapping by key, all of them among `names`."""
        found = dict(self._pairs(node, what))
        for name, each in found.items():
            if name not in names:
                raise self.error(_line(each), f"{what} has no {name!r}; it has: {', '.join(names)}.")
        return found

    def items(self, node: Any, what: str) -> list[Any]:
        """The nodes of a list."""
        if not isinstance(node, self._yaml.SequenceNode):
            raise self.error(_line(node), f"{what!r} must be a list: lines that begin with '- '.")
        return list(node.value)

    def text(self, node: Any) -> str:
        """What is written there, exactly; a date, a number or "no" is a text like any other."""
        if not isinstance(node, self._yaml.ScalarNode):
            raise self.error(_line(node), "There must be a text here.")
        return str(node.value)

    def moment(self, node: Any) -> str:
        """A date and time, as it is written."""
        text = self.text(node)
        try:
            datetime.fromisoformat(text)
        except ValueError:
            raise self.error(_line(node), f"A clock is set like 2026-12-23 10:15, not {text[:40]!r}.") from None
        return text

    def yes(self, name: str, node: Any) -> str:
        """The value of what is "yes" or left out."""
        if (text := self.text(node)) != "yes":
            raise self.error(_line(node), f"'{name}' is yes, or is left out.")
        return text

    def texts(self, node: Any) -> list[str]:
        """One text or a list of them."""
        if isinstance(node, self._yaml.SequenceNode):
            return [self.text(each) for each in node.value]
        return [self.text(node)]

    def mapping(self, node: Any, what: str) -> dict[str, Any]:
        """The plain values of a mapping; empty if there is none."""
        return {} if node is None else {key: self.plain(each) for key, each in self._pairs(node, what)}

    def plain(self, node: Any) -> Any:
        """Plain values: of unquoted words only true, false, null and numbers are no texts."""
        if isinstance(node, self._yaml.MappingNode):
            return self.mapping(node, "This")
        if isinstance(node, self._yaml.SequenceNode):
            return [self.plain(each) for each in node.value]
        text = str(node.value)
        if node.style is not None:
            return text
        if text in ("true", "false", "null", "~", ""):
            return {"true": True, "false": False}.get(text)
        if re.fullmatch(r"-?(0|[1-9]\d{0,17})", text):
            return int(text)
        return float(text) if re.fullmatch(r"-?\d{1,15}\.\d{1,15}", text) else text

    def step(self, node: Any) -> Step:
        """One step."""
        found = self.section(node, _OF_A_STEP, "A step")
        actors = [name for name in ACTORS if name in found]
        if len(actors) != 1:
            raise self.error(_line(node), f"A step begins with one of: {', '.join(ACTORS)}.")
        expected = [self._expected(name, found[name]) for name in EXPECTED if name in found]
        step = Step(
            _line(node),
            actors[0],
            self._acted(actors[0], found[actors[0]]),
            self._also(found),
            self._moves(found.get("model"), "model"),
            self._moves(found.get("second model"), "second model"),
            expected,
        )
        if step.actor == "person" and len(step.also) != 1:
            raise self.error(step.line, "A person does one thing: writes, takes, or hands back.")
        heard = ("reply", "replies", "reply contains", "silence")
        if step.actor == "customer" and not {*heard} & {each.kind for each in expected}:
            raise self.error(step.line, f"Say what the customer hears: one of {', '.join(heard)}.")
        return step

    def _acted(self, actor: str, node: Any) -> Any:
        if actor == "own strategy":
            return self.mapping(node, actor)
        if actor != "later":
            return self.texts(node) if actor == "customer" else self.text(node)
        length = time_of(self.text(node))
        if length is None:
            raise self.error(_line(node), "'later' is a length of time such as '15 minutes' or '2 days 3 hours'.")
        return length

    def _also(self, found: Mapping[str, Any]) -> dict[str, str]:
        also = {name: self.yes(name, found[name]) for name in ("takes", "hands back") if name in found}
        return also | ({"writes": self.text(found["writes"])} if "writes" in found else {})

    def _expected(self, name: str, node: Any) -> Expected:
        if name == "stored":
            value: Any = self._stored(node)
        elif name == "silence":
            value = self.yes(name, node)
        elif name == "called":
            names = ("tool", "with", "result contains")
            for each in self.items(node, name):
                self.section(each, names, "A call")
            value = self.plain(node)
        else:
            value = self.text(node) if name == "reply" else self.texts(node)
        return Expected(_line(node), name, value)

    def _stored(self, node: Any) -> dict[str, Any]:
        found = self.section(node, STORED, "What is stored")
        for name in ("goals", "tasks"):
            each = found.get(name)
            if isinstance(each, self._yaml.SequenceNode):
                for one in each.value:
                    self.mapping(one, f"Each of the {name}")
            elif each is not None and self.plain(each) != "none":
                raise self.error(_line(each), f"{name!r} must be a list, or none: lines that begin with '- '.")
        if "lead" in found:
            self.mapping(found["lead"], "A lead")
        return self.mapping(node, "stored")

    def _moves(self, node: Any, what: str) -> list[Move]:
        return [] if node is None else [self._move(each) for each in self.items(node, what)]

    def _move(self, node: Any) -> Move:
        found = self.section(node, (*MOVES, "with"), "What a model does")
        kinds = [kind for kind in MOVES if kind in found]
        if len(kinds) != 1 or ("with" in found and kinds != ["calls"]):
            raise self.error(_line(node), "A model does one thing at a time: says, calls (with …), or fails.")
        return Move(_line(node), kinds[0], self.text(found[kinds[0]]), self.mapping(found.get("with"), "with"))

    def _pairs(self, node: Any, what: str) -> Iterator[tuple[str, Any]]:
        if not isinstance(node, self._yaml.MappingNode):
            raise self.error(_line(node), f"{what} must have lines such as 'name: value'.")
        seen: set[str] = set()
        for key, value in node.value:
            name = self.text(key)
            if name in seen:
                raise self.error(_line(key), f"{name!r} is there twice.")
            seen.add(name)
            yield name, value


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1 if node is not None else 1
