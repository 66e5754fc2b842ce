"""The filters strategy templates may use, and the meter that bounds what one rendering may cost.

No filter here makes more than a small multiple of its input: each is linear, and the only one that could
multiply (`join`, by its separator) computes the length of its result and charges it before it makes it. The
meter counts every character a filter reads or writes and stops the rendering at `MAX_WORK`, so that chains
such as `x|join(x)|join(x)`, or a filter on a long text in a long loop, end early whatever they multiply to.
Left out on purpose: `center`, `indent`, `wordwrap`, `format` (a width or a format makes gigabytes of a
letter), `replace` (multiplies), `batch`, `slice` (fill to any number), `attr`, `map`, `select`, `groupby`
(reach attributes or filters by name, past the allow-list), `sort` and `unique` (not linear), `random`, `pprint`,
`xmlattr`, `urlize`, `striptags` (regular expressions), `safe`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from jinja2 import Undefined, pass_context
from jinja2.runtime import Context

from receptionist.errors import PluginError, TemplateError

MAX_WORK = 3_000_000
"""Characters read or written, and syntax nodes run in loops, in one rendering: about a third of a second."""

EACH, WEIGHED, CONCAT, OPTIONAL = " each", " weighed", " concat", " optional"
"""Names of the filters that `Metering` inserts; the space keeps templates from naming them."""

_HIDDEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uff02"
    r"\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
"""What a reader does not see, or sees as the end of a line or a quote: controls, marks that turn the direction or hide,
tag characters, and the fullwidth quote. The joiners U+200C and U+200D stay: names and emoji are written with them."""

METER = " meter"
"""Where the context of a rendering keeps its meter."""


class Meter:
    """Counts the work of one rendering."""

    __slots__ = ("left",)

    def __init__(self, allowance: int = MAX_WORK) -> None:
        self.left = allowance

    def charge(self, work: int) -> None:
        """Use up `work` units. Raises `TemplateError` when there are none left."""
        self.left -= work
        if self.left < 0:
            raise TemplateError("it takes too much work; shorten its loops or the values it handles")


def weight(value: Any) -> int:
    """The size of a plain value in characters, at least 1 for each value in it."""
    if isinstance(value, str):
        return 1 + len(value)
    if isinstance(value, (list, tuple)):
        return 1 + sum(map(weight, value))
    if isinstance(value, dict):
        return 1 + sum(len(key) + weight(item) for key, item in value.items())
    return 1


def metered(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as a filter that charges the meter for what it reads and writes."""

    @pass_context
    @wraps(function)
    def call(context: Context, *args: Any, **kwargs: Any) -> Any:
        meter: Meter = context.parent[METER]
        meter.charge(sum(map(weight, args)) + sum(map(weight, kwargs.values())))
        result = function(*args, **kwargs)
        meter.charge(weight(result))
        return result

    return call


class Filters(dict[str, Callable[..., Any]]):
    """The filters of an environment: each is metered as it comes in, and a name is given only once."""

    def __setitem__(self, name: str, function: Callable[..., Any]) -> None:
        """Add a filter. Raises `PluginError` for a name in use, and for a filter that wants more than values."""
        if name in self:
            raise PluginError(f"The template filter {name!r} of {function.__module__} exists already; rename it.")
        if getattr(function, "jinja_pass_arg", None) is not None:
            raise PluginError(f"The template filter {name!r} of {function.__module__} may take plain values only.")
        super().__setitem__(name, metered(function))

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Add several filters, each as by item assignment."""
        for name, function in dict(*args, **kwargs).items():
            self[name] = function


def core_filters() -> Filters:
    """A fresh set of the filters every template has."""
    filters = Filters()
    filters.update(_NAMED)
    for name, function in ((EACH, _each), (CONCAT, _concat), ("join", _join)):  # these charge before they work
        dict.__setitem__(filters, name, function)
    dict.__setitem__(filters, WEIGHED, metered(lambda value: value))
    dict.__setitem__(filters, OPTIONAL, lambda value: None if isinstance(value, Undefined) else value)
    return filters


@pass_context
def _each(context: Context, value: Any, steps: int) -> Any:
    """What a loop goes over, all its steps charged at once; nothing if it is none."""
    if isinstance(value, Undefined):
        return value
    if value is None:
        return ()
    if not isinstance(value, (list, tuple, dict)):
        raise TemplateError("a {% for %} needs a list")
    meter: Meter = context.parent[METER]
    meter.charge(len(value) * steps)
    return value


@pass_context
def _concat(context: Context, values: list[Any]) -> str:
    return _join_within(context, values, "")


def _join_within(context: Context, values: Any, separator: str) -> str:
    meter: Meter = context.parent[METER]
    texts = [text(value) for value in values]
    meter.charge(sum(map(len, texts)) + len(separator) * len(texts) + len(texts))
    return separator.join(texts)


def text(value: Any) -> str:
    """A single plain value as templates write it: None is empty, a list or a dictionary is an error."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, (bool, int, float, Undefined)):
        return str(value)
    kind = "dictionary" if isinstance(value, dict) else "list"
    raise TemplateError(f"a {kind} cannot be written as it is; name a value in it, or use a {{% for %}} or join")


@pass_context
def _join(context: Context, value: Any, separator: Any = "") -> Any:
    """The items of a list in one text, with a separator between them"""
    if isinstance(value, Undefined):
        return value
    if not isinstance(value, (list, tuple)):
        raise TemplateError("the filter join needs a list")
    return _join_within(context, value, text(separator))


def _default(value: Any, replacement: Any = "", also_empty: bool = False) -> Any:
    """Something else where the value is none; with `true` behind it also where it is empty"""
    missing = isinstance(value, Undefined) or value is None or (also_empty and not value)
    return replacement if missing else value


def _length(value: Any) -> int:
    """How many items or characters it has"""
    return len(value)


def _first(value: Any) -> Any:
    """The first item of a list; empty if there is none"""
    return value[0] if value else ""


def _last(value: Any) -> Any:
    """The last item of a list; empty if there is none"""
    return value[-1] if value else ""


def _items(value: Any) -> list[tuple[str, Any]]:
    """Names and values, for `{% for name, value in lead.custom|items %}`"""
    if not isinstance(value, dict):
        raise TemplateError("the filter items needs a dictionary")
    return list(value.items())


def _truncate(value: Any, length: int = 255) -> str:
    """At most so many characters, the last one an ellipsis if something is cut off"""
    whole = text(value)
    return whole if len(whole) <= length else whole[: max(length - 1, 0)] + "…"


def _tojson(value: Any) -> str:
    """As JSON; a text is quoted, so that nothing in it can pass for a line of the prompt"""
    return _HIDDEN.sub(_escaped, json.dumps(value, ensure_ascii=False))


def _line(value: Any, length: int = 200) -> str:
    """On one line, without invisible characters, at most 200 characters or as many as are given"""
    return _truncate(_HIDDEN.sub("", " ".join(text(value).split())), length)


def _escaped(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def _upper(value: Any) -> str:
    """In capitals"""
    return text(value).upper()


def _lower(value: Any) -> str:
    """In small letters"""
    return text(value).lower()


def _capitalize(value: Any) -> str:
    """The first letter as a capital, the others small"""
    return text(value).capitalize()


def _title(value: Any) -> str:
    """Each Word With A Capital"""
    return text(value).title()


def _trim(value: Any) -> str:
    """Without white space at both ends"""
    return text(value).strip()


_NAMED: dict[str, Callable[..., Any]] = {
    "capitalize": _capitalize,
    "count": _length,
    "d": _default,
    "default": _default,
    "first": _first,
    "items": _items,
    "last": _last,
    "length": _length,
    "line": _line,
    "lower": _lower,
    "title": _title,
    "tojson": _tojson,
    "trim": _trim,
    "truncate": _truncate,
    "upper": _upper,
}

FILTERS: dict[str, str] = {name: filter_.__doc__ or "" for name, filter_ in sorted([*_NAMED.items(), ("join", _join)])}
"""What each filter makes of a value."""
