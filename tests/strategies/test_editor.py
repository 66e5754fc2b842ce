"""A draft in the admin's own editor: mistakes, crashes and other people lose no text."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness.databases import SQLITE
from tests.harness.house import House
from tests.strategies.conftest import Command


@SQLITE
def test_the_editor_begins_with_the_draft_and_a_mistake_loses_no_text(
    command: Command, editor: Callable[..., None]
) -> None:
    begun = command("show", "House")
    editor(begun)
    assert command("edit", "House") == "Nothing is changed.\n"
    editor(None)
    assert command("edit", "House") == "Nothing is changed.\n"
    editor('{"agent_name": "Noor"', '{"agent_name": "Noor", "formality": 20}', '{"agent_name": "Noor"}')
    assert "The draft is saved." in command("edit", "House", stdin="y\ny\n")
    assert json.loads(command("show", "House", "--draft"))["agent_name"] == "Noor"


@SQLITE
@pytest.mark.parametrize("answer", ["n\n", ""])
def test_a_text_that_is_given_up_is_kept_in_a_file(
    command: Command, editor: Callable[..., None], answer: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    editor('{"agent_name": 1}')
    told = command("edit", "House", stdin=answer, fails=True)
    assert "agent_name: must be text, in quotes" in told
    [kept] = tmp_path.glob("strategy-*.json")
    assert kept.read_text() == '{"agent_name": 1}'
    assert told.endswith(
        f"Nothing is saved. Your text is in {kept}. To go on with it: receptionist strategy edit House --from {kept}\n"
    )


@SQLITE
@pytest.mark.parametrize("ends", ["exit 1", "kill -9 $$"])
def test_an_editor_that_fails_loses_no_text(
    command: Command, ends: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    crash = tmp_path / "crash.sh"
    monkeypatch.setenv("VISUAL", f"sh {crash}")
    crash.write_text(ends)
    told = command("edit", "House", fails=True)
    assert "Editing failed" in told and "Nothing is changed" in told
    assert not list(tmp_path.glob("*.json"))
    crash.write_text(f"""printf '{{"role": "mine"}}' > "$1"\n{ends}""")
    told = command("edit", "House", fails=True)
    [kept] = tmp_path.glob("*.json")
    assert kept.read_text() == '{"role": "mine"}'
    assert "Editing failed" in told and f"Nothing is saved. Your text is in {kept}." in told
    crash.write_text("")
    assert "The draft is saved." in command(*shlex.split(told.partition("To go on with it: receptionist strategy ")[2]))
    assert json.loads(command("show", "House", "--draft"))["role"] == "mine"
    assert list(tmp_path.glob("*.json")) == [kept]


@SQLITE
def test_what_is_no_text_is_kept_too(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("click.edit", lambda filename: Path(filename).write_bytes(b'{"role": "caf\xe9"}'))
    told = command("edit", "House", fails=True)
    [kept] = tmp_path.glob("*.json")
    assert f"Your text is in {kept}" in told and kept.read_bytes() == b'{"role": "caf\xe9"}'


def test_who_was_overtaken_in_the_editor_keeps_the_text(
    house: House, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def edit(filename: str) -> None:
        command("set", "House", "role=porter")  # somebody else, meanwhile
        Path(filename).write_text('{"role": "mine"}')

    monkeypatch.setattr("click.edit", edit)
    told = command("edit", "House", "--account", house.sql("SELECT name FROM accounts")[0].name, fails=True)
    assert "was changed since you opened it: the draft was saved by" in told and "again" not in told
    assert [file.read_text() for file in tmp_path.glob("strategy-*.json")] == ['{"role": "mine"}']
    assert json.loads(command("show", "House", "--draft"))["role"] == "porter"
    monkeypatch.setattr("click.edit", lambda filename: None)  # closed without another change
    advice = shlex.split(told.partition("in place of what is there now: ")[2])
    assert advice[:3] == ["receptionist", "strategy", "edit"] and str(*tmp_path.glob("strategy-*.json")) in advice
    assert "The draft is saved." in command(*advice[2:])
    assert json.loads(command("show", "House", "--draft"))["role"] == "mine"
