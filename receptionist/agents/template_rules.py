"""What a strategy template may say: the allow-list over its syntax tree, and the metering put into it."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, NoReturn

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from receptionist.agents.template_filters import CONCAT, EACH, WEIGHED
from receptionist.errors import TemplateError

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


def place(line: int | None, source: str, word: str = "") -> str:
    """ "line 3, column 14" for a message; the column is that of the first `word` on the line, if it is there."""
    if line is None:
        return "somewhere"
    lines = source.splitlines()
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) if word else None
    return f"line {line}, column {found.start() + 1}" if found else f"line {line}"


class Rules:
    """Checks one parsed template against the allow-list; raises `TemplateError` at the first thing not on it."""

    def __init__(self, source: str, names: Collection[str], filters: Collection[str]) -> None:
        self._source = source
        self._names = names
        self._filters = filters

    def check(self, tree: nodes.Template) -> None:
        """Return if the whole template is allowed."""
        self._visit(tree, frozenset(self._names), in_loop=False, depth=0)

    def _visit(self, node: nodes.Node, names: frozenset[str], in_loop: bool, depth: int) -> None:
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
                if not isinstance(node.arg, nodes.Const) or type(node.arg.value) not in (str, int):
                    self._fail(node, "an index must be a number or a quoted name; use a {% for %} loop instead")
            case nodes.Filter():
                self._filter(node)
            case nodes.Test():
                self._test(node)
            case _ if type(node) not in _PLAIN:
                what = _WORDS.get(type(node), f"{type(node).__name__.lower()} (arithmetic or a special form)")
                self._fail(node, f"{what} is not allowed here; use plain values, {{% if %}}, {{% for %}} and filters")
        for child in node.iter_child_nodes():
            self._visit(child, names, in_loop, depth + 1)

    def _loop(self, node: nodes.For, names: frozenset[str], in_loop: bool, depth: int) -> None:
        if in_loop:
            self._fail(node, "a {% for %} inside a {% for %} is not allowed; use the filter join", "for")
        if node.recursive:
            self._fail(node, "a recursive {% for %} is not allowed; remove the word recursive", "recursive")
        targets = {name.name for name in node.target.find_all(nodes.Name)} | _own_name(node.target)
        if not targets or "loop" in targets:
            self._fail(node, "name the loop's variable plainly, as in {% for service in strategy.services %}", "for")
        inner = names | targets
        self._visit(node.iter, names, in_loop=True, depth=depth + 1)
        if node.test is not None:
            self._visit(node.test, inner, in_loop=True, depth=depth + 1)
        for child in node.body:
            self._visit(child, inner | {"loop"}, in_loop=True, depth=depth + 1)
        for child in node.else_:
            self._visit(child, names, in_loop=True, depth=depth + 1)

    def _name(self, node: nodes.Name, names: frozenset[str]) -> None:
        if node.name not in names:
            known = ", ".join(sorted(names))
            self._fail(node, f"there is no variable {node.name!r}; there are: {known}", node.name)
        if node.name == "loop" and "loop" not in self._names:
            self._fail(node, f"'loop' cannot stand alone; use one of loop.{', loop.'.join(sorted(LOOP_ATTRIBUTES))}")

    def _attribute(self, node: nodes.Getattr, names: frozenset[str]) -> bool:
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

    def _filter(self, node: nodes.Filter) -> None:
        if node.name not in self._filters:
            allowed = ", ".join(sorted(self._filters))
            self._fail(node, f"the filter {node.name!r} is not allowed; there are: {allowed}", node.name)
        if node.node is None or node.dyn_args is not None or node.dyn_kwargs is not None:
            self._fail(node, f"write the filter {node.name!r} plainly, without * or **", node.name)

    def _test(self, node: nodes.Test) -> None:
        if node.name not in TESTS:
            self._fail(node, f"the test {node.name!r} is not allowed; there are: {', '.join(sorted(TESTS))}", node.name)
        if node.args or node.kwargs or node.dyn_args is not None or node.dyn_kwargs is not None:
            self._fail(node, f"the test {node.name!r} takes no arguments", node.name)

    def _fail(self, node: nodes.Node, message: str, word: str = "") -> NoReturn:
        raise TemplateError(f"Template, {place(node.lineno, self._source, word)}: {message}.")


def _own_name(target: nodes.Node) -> set[str]:
    return {target.name} if isinstance(target, nodes.Name) else set()


class Metering(NodeTransformer):
    """Makes every loop, comparison and `~` of a checked template pass through the meter of its rendering."""

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
