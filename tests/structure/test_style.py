"""Style: ruff, sizes of functions and files, docstrings of the contract, nothing left undone."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.structure.sources import ROOT, Module, modules, parse, within

LONGEST_FUNCTION = 60
LONGEST_FILE = 400
UNDONE = re.compile(r"\b(TODO|FIXME|XXX)\b")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@pytest.mark.parametrize(
    "command", [["check", "--output-format=concise"], ["format", "--check"]], ids=lambda command: command[0]
)
def test_ruff(command: list[str]) -> None:
    ruff = [sys.executable, "-m", "ruff", *command, "."]
    result = subprocess.run(ruff, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def long_functions(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, Function) and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION:
            yield f"{module.where}:{node.lineno} {node.name}: {(node.end_lineno or 0) - node.lineno + 1} lines"


def readable() -> list[Module]:
    """What people read and change: all but migrations, which are lists of tables, written once."""
    return [module for module in modules() if not within(module.name, "receptionist.migrations.versions")]


def test_functions_are_short() -> None:
    assert [offence for module in readable() for offence in long_functions(module)] == []


def test_files_are_short() -> None:
    lengths = {module.where: len(module.path.read_text(encoding="utf-8").splitlines()) for module in readable()}
    assert {where: length for where, length in lengths.items() if length > LONGEST_FILE} == {}


def undocumented(module: Module) -> Iterator[str]:
    """The public names of a module that say nothing; overloads are said once, at the function itself."""
    if not ast.get_docstring(module.tree):
        yield f"{module.where}:1 the module"
    yield from _undocumented(module.where, module.tree)


def _undocumented(where: str, parent: ast.Module | ast.ClassDef) -> Iterator[str]:
    for node in parent.body:
        if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
            continue
        if any(isinstance(each, ast.Name) and each.id == "overload" for each in node.decorator_list):
            continue
        if not ast.get_docstring(node):
            yield f"{where}:{node.lineno} {node.name}"
        if isinstance(node, ast.ClassDef):
            yield from _undocumented(where, node)


def test_the_contract_is_documented() -> None:
    contract = [m for m in modules() if within(m.name, "receptionist.contracts", "receptionist.hookspecs")]
    assert len(contract) > 10
    assert [offence for module in contract for offence in undocumented(module)] == []


def test_nothing_is_left_undone() -> None:
    files = [path for folder in ("receptionist", "plugins", "templates") for path in (ROOT / folder).rglob("*")]
    texts = [path for path in files if path.suffix in {".py", ".js", ".html", ".css", ".jinja", ".mako"}]
    offences = [
        f"{path.relative_to(ROOT)}:{number} {line.strip()}"
        for path in texts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if UNDONE.search(line)
    ]
    assert offences == []


def left_open(module: Module) -> Iterator[str]:
    """Where a NotImplementedError is raised; catching one that a library raises is fine."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Raise) and node.exc is not None:
            names = {each.id for each in ast.walk(node.exc) if isinstance(each, ast.Name)}
            if "NotImplementedError" in names:
                yield f"{module.where}:{node.lineno}"


def test_only_contracts_leave_methods_open() -> None:
    others = [module for module in modules() if not within(module.name, "receptionist.contracts")]
    assert [offence for module in others for offence in left_open(module)] == []


def test_the_checks_see_what_they_should() -> None:
    body = "\n".join("    x = 1" for _ in range(LONGEST_FUNCTION))
    assert list(long_functions(parse("m", f"def long():\n{body}"))) == ["made-up.py:1 long: 61 lines"]
    assert list(long_functions(parse("m", f"def long():\n{body[:-10]}"))) == []
    source = '"""Doc."""\nclass A:\n    """Doc."""\n    def f(self): ...\n    def _g(self): ...\ndef h(): ...'
    assert list(undocumented(parse("m", source))) == ["made-up.py:4 f", "made-up.py:6 h"]
    assert list(undocumented(parse("m", ""))) == ["made-up.py:1 the module"]
    source = "try:\n    f()\nexcept NotImplementedError:\n    raise NotImplementedError('later') from None"
    assert list(left_open(parse("m", source))) == ["made-up.py:4"]
