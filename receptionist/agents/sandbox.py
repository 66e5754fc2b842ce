"""Strategy templates, compiled and rendered as the hostile input they may be.

Why a template cannot run code, reach data it was not given, or use up a process:

- Only what `template_rules` lists compiles: no calls, no arithmetic, no assignments, no blocks of other files,
  no loop within a loop, and only known variables, filters and tests.
- Values are plain (text, numbers, lists, dictionaries; checked before each rendering, `MAX_VALUES` characters in
  all), a name is looked up as a key and never as a Python attribute, and there are no globals.
- Source and output are limited, the output while it is made. Work is counted (`template_filters`): each loop
  item, and each character that a filter, a comparison or `~` handles; it ends at `MAX_WORK`. What is not counted
  runs once for each node of the source. So time and memory are bounded without a child process.
- There is one pass: a value that looks like a template is written as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.lexer import TokenStream
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from receptionist.agents.braces import braced
from receptionist.agents.template_faults import fault
from receptionist.agents.template_filters import METER, Meter, core_filters, text
from receptionist.agents.template_rules import LOOP_ATTRIBUTES, TESTS, Metering, Rules
from receptionist.agents.template_source import Source, placed
from receptionist.agents.variable_table import UNKNOWN, Shape
from receptionist.errors import TemplateError

MAX_SOURCE = 20_000
"""Characters of a template."""

MAX_OUTPUT = 50_000
"""Characters of a rendered prompt."""

MAX_VALUES = 1_000_000
"""Characters, and values, in all that is handed to one rendering."""

MAX_VALUE_DEPTH = 8

BLOCK = 100
"""Pieces of output between two looks at its length."""

_MISSING = re.compile(r"^there is no value '(\w+)' here")


@dataclass(frozen=True, slots=True)
class Checked:
    """Values found to be plain, and their size; leave them as they are, for they are not looked at again."""

    values: Mapping[str, Any]
    size: int

    def __or__(self, other: Checked) -> Checked:
        return Checked({**self.values, **other.values}, self.size + other.size)


NOTHING = Checked({}, 0)


def checked(values: Mapping[str, Any], room: int = MAX_VALUES) -> Checked:
    """The values, if all in them are plain (subclasses of the plain types are not) and at most `room` in size.

    Raises `TemplateError`, which names the value.
    """
    values = dict(values)
    return Checked(values, room - _left(values, room))


def _left(value: Any, room: int, path: str = "", depth: int = 0) -> int:
    """What is left of `room` after `value` and all in it."""
    kind = type(value)
    room -= 1 + (len(value) if kind is str else 0)
    if room < 0 or depth > MAX_VALUE_DEPTH:
        raise TemplateError(f"Template values: {path or 'they'} are too large or nest too deeply.")
    if kind is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise TemplateError(f"Template values: the key {key!r} in {path or 'them'} is not a text.")
            room = _left(item, room - len(key), f"{path}.{key}" if path else key, depth + 1)
    elif kind is list or kind is tuple:
        for index, item in enumerate(value):
            room = _left(item, room, f"{path}[{index}]", depth + 1)
    elif kind not in (str, int, float, bool, type(None)):
        raise TemplateError(f"Template values: {path} is a {kind.__name__}; pass a text, a number or a list.")
    return room


class _Environment(ImmutableSandboxedEnvironment):
    """Looks names up as keys only, so that `strategy.items` is a value and never a method; what is none has nothing
    but none. Its nodes say the place in the source (see `template_source`) where Jinja's say the line."""

    def _tokenize(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> TokenStream:
        tokens = placed(self.lexer.tokeniter(source, name, filename, state), source)
        names = braced(tokens, lambda text: self.lexer.tokeniter(text, None))
        return TokenStream(self.lexer.wrap(names, name, filename), name, filename)

    def getattr(self, obj: Any, attribute: str) -> Any:
        if obj is None or isinstance(obj, jinja2.Undefined):
            return obj
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        if type(obj) is LoopContext and attribute in LOOP_ATTRIBUTES:
            return getattr(obj, attribute)
        return self.undefined(f"there is no value {attribute!r} here", exc=jinja2.UndefinedError)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if type(argument) is str:
            return self.getattr(obj, argument)
        if obj is None or isinstance(obj, jinja2.Undefined):
            return obj
        if type(obj) in (list, tuple) and type(argument) is int and argument < len(obj):
            return obj[argument]
        return self.undefined(f"there is no item {argument!r} here", exc=jinja2.UndefinedError)


class PromptSandbox:
    """Compiles strategy templates. Safe to share between threads; make one for each process.

    `prepare` gets the environment once and may add filters; they are then allowed in templates, take plain
    values only, and should be linear in what they are given.
    """

    def __init__(self, prepare: Callable[[jinja2.Environment], None] | None = None) -> None:
        environment = _Environment(
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,
            optimized=False,
            cache_size=0,
            finalize=text,
        )
        environment.globals.clear()
        environment.filters = core_filters()
        environment.tests = {name: test for name, test in environment.tests.items() if name in TESTS}
        if prepare is not None:
            prepare(environment)
            environment.globals.clear()
        self._environment = environment
        self._filters = frozenset(name for name in environment.filters if not name.startswith(" "))

    def compile(
        self,
        source: str,
        names: Collection[str],
        shapes: Shape | None = None,
        title: str = "Template",
    ) -> CompiledTemplate:
        """Compile a template that may use the variables called `names`; takes about 10 ms: keep the result.

        `shapes` says what each of the variables has (see `variable_table`); one that is not in it may have anything.
        Raises `TemplateError`, for the admin, with `title`, line and column.
        """
        text = Source(source, title)
        if len(source) > MAX_SOURCE:
            raise TemplateError(f"{title}: it has {len(source)} characters; shorten it to {MAX_SOURCE}.")
        tree = self._parse(text)
        rules = Rules(text, {name: (shapes or {}).get(name, UNKNOWN) for name in names}, self._filters)
        rules.check(tree)
        return CompiledTemplate(self._build(Metering(rules.may_miss).visit(tree), text), text, rules.reads)

    def _parse(self, source: Source) -> nodes.Template:
        try:
            return self._environment.parse(source.text)
        except jinja2.TemplateSyntaxError as error:
            raise source.error(*fault(_cause(error), error.lineno, source)) from error
        except ValueError as error:  # a number of thousands of digits
            raise TemplateError(f"{source.title}: a number in it is too long.") from error
        except RecursionError as error:
            raise TemplateError(f"{source.title}: it nests too deeply; remove brackets or blocks.") from error

    def _build(self, tree: nodes.Template, source: Source) -> jinja2.Template:
        try:
            code = self._environment.compile(tree)
        except jinja2.TemplateSyntaxError as error:
            raise source.error(error.lineno, _cause(error)) from error
        except (SyntaxError, RecursionError, MemoryError, ValueError) as error:  # Python's limits on generated code
            raise TemplateError(f"{source.title}: it nests too deeply, or has a very long number.") from error
        return jinja2.Template.from_code(self._environment, code, {})


class CompiledTemplate:
    """A checked template. Safe to share between threads, and good for any number of renderings."""

    def __init__(self, template: jinja2.Template, source: Source, reads: Collection[tuple[str, str]]) -> None:
        self._template = template
        self._source = source
        self._reads = reads

    def reads(self, variable: str, key: str) -> bool:
        """Whether the template looks at this value of a variable, anywhere in it."""
        return (variable, key) in self._reads

    def render(self, variables: Mapping[str, Any], shared: Checked = NOTHING) -> str:
        """The text for these plain values and those of `shared`, which win.

        Raises `TemplateError` with line and column: a value is missing or not plain, or a limit is reached.
        """
        return "".join(self.pieces(variables, shared))

    def pieces(self, variables: Mapping[str, Any], shared: Checked = NOTHING) -> list[str]:
        """The text in pieces to be joined, for these values and those of `shared`, which win. Constant texts and
        texts out of values are the same objects in all renderings. Raises as `render`."""
        values = {**checked(variables, MAX_VALUES - shared.size).values, **shared.values}
        context = self._template.new_context({**values, METER: Meter()})
        try:
            return _limited(self._template.root_render_func(context))
        except Exception as error:  # the boundary to admins' templates and plugins' filters: any failure is theirs
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> TemplateError:
        place, cause = self._place(error.__traceback__), _cause(error)
        missing = _MISSING.search(cause)
        if place is None or missing is None:
            return self._source.error(place, cause)
        return self._source.error(self._source.tag(place), cause, missing[1])

    def _place(self, trace: TracebackType | None) -> int | None:
        place = None
        while trace is not None:
            if trace.tb_frame.f_globals.get("__jinja_template__") is self._template:
                place = self._template.get_corresponding_lineno(trace.tb_lineno)
            trace = trace.tb_next
        return place


def _cause(error: Exception) -> str:
    return str(getattr(error, "message", None) or error).rstrip(".") or type(error).__name__


def _limited(pieces: Iterator[str]) -> list[str]:
    """All pieces, unless they are too long together; looked at by the block, as most are a few characters."""
    found: list[str] = []
    size = 0
    while block := list(islice(pieces, BLOCK)):
        size += sum(map(len, block))
        if size > MAX_OUTPUT:
            raise TemplateError(f"the text is longer than {MAX_OUTPUT} characters; print less of the values")
        found += block
    return found
