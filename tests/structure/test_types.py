"""Types: core and the bundled plugins pass the strictest check."""

from __future__ import annotations

import subprocess
import sys

from tests.structure.sources import ROOT


def test_mypy_strict() -> None:
    mypy = [sys.executable, "-m", "mypy", "--strict", "--no-color-output", "receptionist", "plugins"]
    result = subprocess.run(mypy, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
