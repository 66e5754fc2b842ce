"""docs/faults.md names a test for every fault and attack, and every test that it names is there."""

from __future__ import annotations

import ast
import re

import pytest

from tests.structure.sources import ROOT

FAULTS = {*range(1, 37)}
ATTACKS = {*range(49, 60), 62}
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def rows(letter: str) -> list[tuple[int, list[tuple[str, str]]]]:
    """Of each row of the tables with this letter: the number and the tests."""
    text = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    found = [(re.match(rf"\| {letter}(\d+) ", line), line) for line in text.splitlines()]
    return [(int(match[1]), TEST.findall(line)) for match, line in found if match]


@pytest.mark.parametrize(("letter", "numbers"), [("F", FAULTS), ("S", ATTACKS)])
def test_every_fault_and_attack_is_proved(letter: str, numbers: set[int]) -> None:
    assert {number for number, tests in rows(letter) if tests} == numbers
    assert [number for number, tests in rows(letter) if not tests] == []


def test_every_named_test_is_there() -> None:
    names: dict[str, set[str]] = {}
    missing = []
    for path, test in {test for letter in "FS" for _, tests in rows(letter) for test in tests}:
        if path not in names:
            tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
            names[path] = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        if test not in names[path]:
            missing.append(f"{path}::{test}")
    assert missing == []
