"""Where the templates are: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

_INSIDE = Path(__file__).parent / "templates"
TEMPLATES = _INSIDE if _INSIDE.is_dir() else Path(__file__).parent.parent / "templates"
