"""How pytest finds conversations that are written as files: one test for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from receptionist.testing.rehearsal import Rehearsal
    from receptionist.testing.script import Script

FOLDER = "conversations"
"""YAML files in a folder of this name are conversations; so is any that is named on the command line."""


def is_conversation(session: pytest.Session, path: Path) -> bool:
    """Whether pytest is to take this file for a conversation."""
    return path.suffix in (".yaml", ".yml") and (path.parent.name == FOLDER or session.isinitpath(path))


class ConversationFile(pytest.File):
    """One YAML file."""

    def collect(self) -> Iterator[pytest.Item]:
        """Its one test. What is wrong with the file is told when the test runs."""
        yield ConversationTest.from_parent(self, name=self.path.stem, callobj=played)


class ConversationTest(pytest.Function):
    """The test of one file, with the fixtures of any other test."""

    def script(self) -> Script:
        """The file, read. Raises `ScriptError`."""
        from receptionist.testing.script import load

        return load(self.path.relative_to(Path.cwd()) if self.path.is_relative_to(Path.cwd()) else self.path)

    def setup(self) -> None:
        """Prepare what the file asks for; a file that is not understood fails with its one line."""
        from receptionist.testing.script import ScriptError

        try:
            super().setup()
        except ScriptError as error:
            pytest.fail(str(error), pytrace=False)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Differences and mistakes of the file as they are; of everything else the traceback."""
        from receptionist.testing.conversations import Differs
        from receptionist.testing.script import ScriptError

        if isinstance(excinfo.value, Differs | ScriptError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the test is, for the report."""
        return self.path, None, self.name


def played(request: pytest.FixtureRequest, rehearsal: Rehearsal) -> None:
    """Play the conversation of this test."""
    from receptionist.testing.conversations import play

    play(request.node.script(), rehearsal)
