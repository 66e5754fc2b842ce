"""S18: no secret is compared with `==`, whose running time tells how much of a guess was right."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECRET = re.compile(r"(^|_)(secret|token|signature|digest|hmac|mac|password|passwd|api_?key)$", re.IGNORECASE)


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=ast.Attribute(attr="hexdigest" | "digest" | "get_secret_value" as name)):
            return "digest" if name != "get_secret_value" else "secret"
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
    return ""


def comparisons(source: str) -> Iterator[int]:
    """The lines on which two values, one of them named like a secret, are compared for equality."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Compare) or not any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops):
            continue
        sides = [node.left, *node.comparators]
        if any(isinstance(side, ast.Constant) for side in sides):
            continue
        if any(SECRET.search(_name(side)) for side in sides):
            yield node.lineno


def test_the_scan_sees_what_it_should() -> None:
    assert list(comparisons("a.api_key == given")) == [1]
    assert list(comparisons("x = h.hexdigest() != headers['x']")) == [1]
    assert list(comparisons("headers['signature'] == made")) == [1]
    assert list(comparisons("if settings.app_secret.get_secret_value() == text: pass")) == [1]
    assert list(comparisons("token == ''\nname == other\nhmac.compare_digest(token, given)")) == []


def test_no_secret_is_compared_with_equals() -> None:
    offenders = [
        f"{path.relative_to(ROOT)}:{line}"
        for folder in ("receptionist", "plugins")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line in comparisons(path.read_text(encoding="utf-8"))
    ]
    assert offenders == [], "compare with hmac.compare_digest, as bytes"
