"""What a person does in a conversation is tested on both databases; the rest knows nothing of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import CliRunner

from receptionist import Event
from receptionist.cli import main
from tests.harness.house import House
from tests.harness.instance import left_out

Command = Callable[..., str]
SQLITE = pytest.mark.parametrize("database", ["sqlite"])
"""For what happens before the database is asked, or after: files, the terminal, what a command was called with."""

BOTH = ("test_installation", "test_line_off", "test_nobody_comes", "test_stepping_in")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of these files once on each database, unless they name it themselves."""
    named = any("database" in marker.args[0] for marker in metafunc.definition.iter_markers("parametrize"))
    if "database" in metafunc.fixturenames and metafunc.module.__name__.rpartition(".")[2] in BOTH and not named:
        metafunc.parametrize("database", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """The database of `house`."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture
def house(open_house: Callable[..., House]) -> House:
    """A house with a storage."""
    names = left_out().split(",")
    return open_house(DISABLED_PLUGINS=",".join(name for name in names if name != "local_files"))


@pytest.fixture
def command(house: House, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`command("conversation", "list")`: what `receptionist` prints on the house; with `fails=True` its complaint."""
    monkeypatch.setattr("receptionist.cli.base.assembled", lambda: (house.parts, house.factory))

    def run(*arguments: str, fails: bool = False) -> str:
        result = CliRunner().invoke(main, arguments)
        assert (result.exit_code != 0) == fails, (result.output, result.exception)
        if fails:
            assert result.output.startswith("Error: ") and result.output.count("\n") == 1, result.output
        return result.output

    return run


@pytest.fixture
def told(house: House, monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """The events plugins were told of."""
    events: list[Event] = []
    monkeypatch.setattr(house.parts, "emit", events.append)
    return events
