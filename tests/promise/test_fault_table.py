"""docs/faults.md names a test for every fault, and every test that it names is there."""

from __future__ import annotations

import ast
import re

from tests.structure.sources import ROOT

FAULTS = {*range(1, 14), *range(20, 31), *range(33, 37)}
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def rows() -> list[tuple[int, list[tuple[str, str]]]]:
    """Of each row of the tables: the fault's number and the tests."""
    text = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    found = [(re.match(r"\| F(\d+) ", line), line) for line in text.splitlines()]
    return [(int(match[1]), TEST.findall(line)) for match, line in found if match]


def test_every_fault_is_proved() -> None:
    assert {number for number, tests in rows() if tests} == FAULTS
    assert [number for number, tests in rows() if not tests] == []


def test_every_named_test_is_there() -> None:
    names: dict[str, set[str]] = {}
    missing = []
    for path, test in {test for _, tests in rows() for test in tests}:
        if path not in names:
            tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
            names[path] = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        if test not in names[path]:
            missing.append(f"{path}::{test}")
    assert missing == []
