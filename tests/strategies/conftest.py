"""What admins do with strategies, by the command line where there is a command for it; what the database decides is
tested on both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from receptionist.cli import main
from tests.harness.databases import on_both
from tests.harness.house import House

BOTH = ("test_acting", "test_drafts", "test_editor", "test_versions")

Command = Callable[..., str]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of these files once on each database."""
    on_both(metafunc, BOTH)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """The database of `house`."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture
def command(house: House, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`command("strategy", "list")`: what `receptionist` prints on the house; with `fails=True` its complaint."""
    monkeypatch.setattr("receptionist.cli.base.assembled", lambda: (house.parts, house.factory))

    def run(*arguments: str, stdin: str = "", fails: bool = False) -> str:
        result = CliRunner().invoke(main, ["strategy", *arguments], input=stdin)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert (result.exit_code != 0) == fails, result.output
        return result.stderr if fails else result.stdout

    return run


@pytest.fixture
def editor(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`editor(a, b)`: the admin's editor leaves the text `a` in the file when it is opened first, then `b`; None closes
    it as it is."""

    def prepare(*texts: str | None) -> None:
        left = list(texts)

        def edit(filename: str) -> None:
            if (text := left.pop(0)) is not None:
                Path(filename).write_text(text, encoding="utf-8")

        monkeypatch.setattr("click.edit", edit)

    return prepare
