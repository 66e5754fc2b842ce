"""What a strategy template may say: the allow-list over its syntax tree, and the metering put into it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NoReturn

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from receptionist.agents.template_filters import CONCAT, EACH, OPTIONAL, WEIGHED
from receptionist.agents.template_hints import for_value, for_variable, known
from receptionist.agents.template_source import Source
from receptionist.agents.variable_table import ANY, ITEM, UNKNOWN, Shape

MAX_DEPTH = 40
"""How deep a template's syntax may nest; Python itself refuses 100 levels."""

TESTS = frozenset({"boolean", "defined", "false", "mapping", "none", "number", "string", "true", "undefined"})
"""Tests that look at the kind of a value only. `odd`, `even` and `divisibleby` are not among them: their `%`
formats when the value is a text, and `"%999999999d" is odd` would fill the memory."""

LOOP_ATTRIBUTES = frozenset({"first", "index", "index0", "last", "length", "revindex", "revindex0"})

_PLAIN = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.If,
    nodes.Const,
    nodes.List,
    nodes.Tuple,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Concat,
    nodes.CondExpr,
    nodes.Keyword,
)
_WORDS: dict[type[nodes.Node], str] = {
    nodes.Call: "calling functions",
    nodes.Assign: "{% set %}",
    nodes.AssignBlock: "{% set %}",
    nodes.Macro: "{% macro %}",
    nodes.CallBlock: "{% call %}",
    nodes.FilterBlock: "{% filter %}",
    nodes.Include: "{% include %}",
    nodes.Import: "{% import %}",
    nodes.FromImport: "{% from … import %}",
    nodes.Extends: "{% extends %}",
    nodes.Block: "{% block %}",
    nodes.With: "{% with %}",
    nodes.Scope: "{% autoescape %}",
    nodes.Slice: "slicing",
    nodes.Dict: "writing a dictionary",
}


class Rules:
    """Checks one parsed template against the allow-list and the variables there are; raises `TemplateError` at the
    first thing not among them.

    `shapes` says by name what the variables have (see `variable_table`). Afterwards `reads` has what the template
    reads, such as ("strategy", "disclosure"), and `may_miss` the ids of nodes that read what an account defines
    itself, and which may therefore be missing.
    """

    def __init__(self, source: Source, shapes: Shape, filters: Collection[str]) -> None:
        self._source = source
        self._shapes = shapes
        self._filters = filters
        self.reads: set[tuple[str, str]] = set()
        self.may_miss: set[int] = set()

    def check(self, tree: nodes.Template) -> None:
        """Return if the whole template is allowed."""
        self._visit(tree, self._shapes, in_loop=False, depth=0)

    def _visit(self, node: nodes.Node, names: Shape, in_loop: bool, depth: int) -> None:
        if depth > MAX_DEPTH:
            self._fail(node, "the template nests too deeply; split the expression or the {% if %} blocks")
        match node:
            case nodes.For():
                self._loop(node, names, in_loop, depth)
                return
            case nodes.Name():
                self._name(node, names)
            case nodes.Getattr():
                if self._attribute(node, names):
                    return
            case nodes.Getitem():
                self._index(node)
            case nodes.Filter():
                self._filter(node)
            case nodes.Test():
                self._test(node)
            case _ if type(node) not in _PLAIN:
                what = _WORDS.get(type(node)) or _calculation(node)
                self._fail(node, f"{what} is not allowed here; use plain values, {{% if %}}, {{% for %}} and filters")
        for child in node.iter_child_nodes():
            self._visit(child, names, in_loop, depth + 1)
        if isinstance(node, nodes.Getattr | nodes.Getitem):
            self._member(node, names)
        elif isinstance(node, nodes.Output):
            self._output(node, names)

    def _loop(self, node: nodes.For, names: Shape, in_loop: bool, depth: int) -> None:
        if in_loop:
            self._fail(node, "a {% for %} inside a {% for %} is not allowed; use the filter join")
        if node.recursive:
            self._fail(node, "a recursive {% for %} is not allowed; remove the word recursive", "recursive")
        targets = {name.name for name in node.target.find_all(nodes.Name)} | _own_name(node.target)
        if not targets or "loop" in targets:
            self._fail(node, "name the loop's variable plainly, as in {% for service in strategy.services %}")
        self._visit(node.iter, names, in_loop=True, depth=depth + 1)
        over = self._shape(node.iter, names)
        if ITEM not in over:
            self._fail(node, "this {% for %} goes over something that is no list; a {% for %} needs a list")
        item = over[ITEM] if isinstance(node.target, nodes.Name) else UNKNOWN
        inner = {**names, **dict.fromkeys(targets, item)}
        if node.test is not None:
            self._visit(node.test, inner, in_loop=True, depth=depth + 1)
        for child in node.body:
            self._visit(child, {**inner, "loop": UNKNOWN}, in_loop=True, depth=depth + 1)
        for child in node.else_:
            self._visit(child, names, in_loop=True, depth=depth + 1)

    def _name(self, node: nodes.Name, names: Shape) -> None:
        if node.name not in names:
            self._fail(node, f"there is no variable {node.name!r}; {for_variable(node.name, names)}", node.name)
        if node.name == "loop" and "loop" not in self._shapes:
            self._fail(node, f"'loop' cannot stand alone; use one of loop.{', loop.'.join(sorted(LOOP_ATTRIBUTES))}")

    def _attribute(self, node: nodes.Getattr, names: Shape) -> bool:
        """Whether the whole expression is dealt with."""
        if node.attr.startswith("_"):
            self._fail(node, f"the name {node.attr!r} begins with an underscore; there is no such value", node.attr)
        if not (isinstance(node.node, nodes.Name) and node.node.name == "loop" and "loop" in names):
            return False
        if node.attr not in LOOP_ATTRIBUTES:
            self._fail(
                node, f"there is no loop.{node.attr}; there are: {', '.join(sorted(LOOP_ATTRIBUTES))}", node.attr
            )
        return True

    def _index(self, node: nodes.Getitem) -> None:
        if not isinstance(node.arg, nodes.Const) or type(node.arg.value) not in (str, int):
            self._fail(node, "an index must be a number or a quoted name; use a {% for %} loop instead")

    def _member(self, node: nodes.Getattr | nodes.Getitem, names: Shape) -> None:
        key = _key(node)
        owner = self._shape(node.node, names)
        if not isinstance(key, str):
            if ITEM not in owner:
                self._fail(node, "this is no list, so it has no items with a number")
            return
        if isinstance(node.node, nodes.Name):
            self.reads.add((node.node.name, key))
        if key in owner:
            return
        if ANY not in owner:
            self._fail(node, for_value(key, str(_key(node.node)), owner), key)
        if owner is not UNKNOWN:
            self.may_miss.add(id(node))

    def _shape(self, node: nodes.Node, names: Shape) -> Shape:
        """What the value of an expression has, as far as that can be told without its value."""
        match node:
            case nodes.Name():
                found = names[node.name]
            case nodes.Getattr() | nodes.Getitem():
                key = _key(node)
                owner = self._shape(node.node, names)
                found = owner.get(key if isinstance(key, str) else ITEM, owner.get(ANY, UNKNOWN))
            case nodes.Filter(name="first" | "last", node=inner) if inner is not None:
                found = self._shape(inner, names).get(ITEM, UNKNOWN)
            case _:
                found = UNKNOWN
        shape: Shape = found
        return shape

    def _output(self, node: nodes.Output, names: Shape) -> None:
        for child in node.nodes:
            shape = self._shape(child, names)
            if shape and shape is not UNKNOWN:
                kind = "list" if ITEM in shape else "dictionary"
                self._fail(
                    child,
                    f"a {kind} cannot be written as it is; name a value in it, or use a {{% for %}} or join",
                    str(_key(child)),
                )

    def _filter(self, node: nodes.Filter) -> None:
        if node.name not in self._filters:
            hint = known(node.name, self._filters)
            self._fail(node, f"the filter {node.name!r} is not allowed; {hint}", node.name)
        if node.node is None or node.dyn_args is not None or node.dyn_kwargs is not None:
            self._fail(node, f"write the filter {node.name!r} plainly, without * or **", node.name)

    def _test(self, node: nodes.Test) -> None:
        if node.name not in TESTS:
            self._fail(node, f"the test {node.name!r} is not allowed; {known(node.name, TESTS)}", node.name)
        if node.args or node.kwargs or node.dyn_args is not None or node.dyn_kwargs is not None:
            self._fail(node, f"the test {node.name!r} takes no arguments", node.name)

    def _fail(self, node: nodes.Node, message: str, word: str = "") -> NoReturn:
        # Jinja wraps what {% autoescape %} holds into a node without a place
        place = node.lineno or next((inner.lineno for inner in node.find_all(nodes.Node) if inner.lineno), None)
        raise self._source.error(place, message, word)


def _calculation(node: nodes.Node) -> str:
    sign = getattr(node, "operator", None)  # of arithmetic; the rest are special forms without a name
    return f"calculating with {sign}" if sign else type(node).__name__.lower()


def _own_name(target: nodes.Node) -> set[str]:
    return {target.name} if isinstance(target, nodes.Name) else set()


def _key(node: nodes.Node) -> str | int:
    """The name or number after the dot or in the brackets of an expression that has passed its check; else empty."""
    if isinstance(node, nodes.Getattr):
        return node.attr
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        key: str | int = node.arg.value
        return key
    return node.name if isinstance(node, nodes.Name) else ""


class Metering(NodeTransformer):
    """Makes every loop, comparison and `~` of a checked template pass through the meter of its rendering, and what
    may be missing (see `Rules`) none where it is."""

    def __init__(self, may_miss: Collection[int]) -> None:
        self._may_miss = may_miss

    def visit_Getattr(self, node: nodes.Getattr, *args: Any, **kwargs: Any) -> nodes.Node:
        """None in place of a missing value that an account defines itself."""
        return self._optional(node)

    def visit_Getitem(self, node: nodes.Getitem, *args: Any, **kwargs: Any) -> nodes.Node:
        """The same in brackets."""
        return self._optional(node)

    def visit_Test(self, node: nodes.Test, *args: Any, **kwargs: Any) -> nodes.Node:
        """Leave what is asked whether it is there as it is."""
        return node if id(node.node) in self._may_miss else self.generic_visit(node)

    def _optional(self, node: nodes.Node) -> nodes.Node:
        optional = id(node) in self._may_miss
        self.generic_visit(node)
        return _filter(node, OPTIONAL) if optional else node

    def visit_For(self, node: nodes.For, *args: Any, **kwargs: Any) -> nodes.Node:
        """Charge each item of the loop with the size of the loop's body."""
        steps = 1 + sum(1 + sum(1 for _ in child.find_all(nodes.Node)) for child in node.body)
        if node.test is not None:
            steps += 1 + sum(1 for _ in node.test.find_all(nodes.Node))
        self.generic_visit(node, *args, **kwargs)
        node.iter = _filter(node.iter, EACH, [nodes.Const(steps, lineno=node.lineno)])
        return node

    def visit_Compare(self, node: nodes.Compare, *args: Any, **kwargs: Any) -> nodes.Node:
        """Charge the size of what is compared: equality and `in` read their operands."""
        self.generic_visit(node, *args, **kwargs)
        node.expr = _filter(node.expr, WEIGHED)
        for operand in node.ops:
            operand.expr = _filter(operand.expr, WEIGHED)
        return node

    def visit_Concat(self, node: nodes.Concat, *args: Any, **kwargs: Any) -> nodes.Node:
        """Charge the size of the text that `~` makes."""
        self.generic_visit(node, *args, **kwargs)
        return _filter(nodes.List(node.nodes, lineno=node.lineno), CONCAT)


def _filter(node: nodes.Node, name: str, args: list[nodes.Expr] | None = None) -> nodes.Filter:
    return nodes.Filter(node, name, args or [], [], None, None, lineno=node.lineno)
