"""The example channel of docs/writing-a-channel.md and its tests, as a reader would save them."""

from __future__ import annotations

import re

from tests.structure.sources import ROOT

PAGE = ROOT / "docs" / "writing-a-channel.md"
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks() -> list[str]:
    """All Python examples of the page, in order."""
    return _BLOCK.findall(PAGE.read_text(encoding="utf-8"))


def example(beginning: str) -> str:
    """The one example whose docstring begins so."""
    [found] = [block for block in blocks() if block.startswith(f'"""{beginning}')]
    return found


def plugin() -> str:
    """`smsgate.py`."""
    return example("Text messages by the gateway smsgate")


def suite() -> str:
    """`test_smsgate.py`."""
    return example("smsgate does what every channel must")


def own_tests() -> str:
    """The tests of an author's own."""
    [found] = [block for block in blocks() if block.startswith("def test_")]
    return found
