"""The project's own files, and what each of them imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Module:
    """A source file under its dotted name; bundled plugins count as `receptionist.plugins.…`."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def where(self) -> str:
        """The file's path in the checkout."""
        return self.path.relative_to(ROOT).as_posix() if self.path.is_relative_to(ROOT) else self.path.as_posix()


@dataclass(frozen=True)
class Import:
    """One imported name: `from a.b import c` is `a.b` with the name `c`. `typing`: only type checkers see it."""

    target: str
    name: str
    line: int
    typing: bool

    @property
    def full(self) -> str:
        """The longest name this import can mean; a prefix of it is the module."""
        return f"{self.target}.{self.name}" if self.name else self.target


def parse(name: str, source: str, path: Path = Path("made-up.py")) -> Module:
    """A module from its text."""
    return Module(name, path, ast.parse(source))


@cache
def modules() -> tuple[Module, ...]:
    """Every Python file of core and of the bundled plugins."""
    return tuple(
        parse(_dotted(path, folder), path.read_text(encoding="utf-8"), path)
        for folder in ("receptionist", "plugins")
        for path in sorted((ROOT / folder).rglob("*.py"))
    )


def _dotted(path: Path, folder: str) -> str:
    parts = list(path.relative_to(ROOT / folder).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(["receptionist", *(["plugins"] if folder == "plugins" else []), *parts])


def imports(module: Module) -> Iterator[Import]:
    """Everything the module imports, at any depth, relative imports resolved."""
    yield from _imports(module, module.tree, typing=False)


def _imports(module: Module, node: ast.AST, typing: bool) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(alias.name, "", node.lineno, typing)
    elif isinstance(node, ast.ImportFrom):
        target = _absolute(module, node)
        for alias in node.names:
            yield Import(target, alias.name, node.lineno, typing)
    elif isinstance(node, ast.If) and _is_type_checking(node.test):
        for statement in node.body:
            yield from _imports(module, statement, True)
        for statement in node.orelse:
            yield from _imports(module, statement, typing)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _imports(module, child, typing)


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = module.name.split(".")
    up = node.level - (module.path.name == "__init__.py")
    base = package[: len(package) - up] if up else package
    return ".".join([*base, node.module] if node.module else base)


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def within(name: str, *packages: str) -> bool:
    """Whether the dotted `name` is one of `packages` or inside one."""
    return any(name == package or name.startswith(package + ".") for package in packages)
