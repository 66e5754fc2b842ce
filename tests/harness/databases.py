"""Which databases a test runs on: on both where that may make a difference, else on SQLite, which is quicker."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pytest

DATABASES = ("sqlite", "postgresql")
SQLITE = pytest.mark.parametrize("database", ["sqlite"])
"""For what happens before the database is asked, or after: files, words, what a command was called with."""


def on_both(metafunc: pytest.Metafunc, files: Collection[str]) -> None:
    """Run the tests of these files once on each database, unless they say where they run: a conftest's
    `pytest_generate_tests`, whose fixture `database` hands on its parameter."""
    if "database" not in metafunc.fixturenames or metafunc.module.__name__.rpartition(".")[2] not in files:
        return
    if not any("database" in marker.args[0] for marker in metafunc.definition.iter_markers("parametrize")):
        metafunc.parametrize("database", DATABASES, indirect=True)


def first_on_both(names: str, values: Sequence[Any]) -> pytest.MarkDecorator:
    """Like `parametrize`, with all `values` on SQLite and the first of them on PostgreSQL, too: for values between
    which the database sees no difference."""
    several = "," in names
    sets = [("sqlite", *(value if several else (value,))) for value in values]
    sets.append(("postgresql", *sets[0][1:]))
    return pytest.mark.parametrize(f"database,{names}", sets)
