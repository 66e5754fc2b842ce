"""The pytest plugin: fixtures for plugin authors, found by pytest in every environment Receptionist is installed in.

Core is imported by the fixtures, not before: a test run that uses none of them pays for none of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from receptionist.testing.case import ChannelCase, TestLine
from receptionist.testing.collecting import ConversationFile, ConversationTest, is_conversation
from receptionist.testing.needs import MARKER, missing
from receptionist.testing.webchat import WebChatCase

if TYPE_CHECKING:
    from flask import Flask

    from receptionist.testing.model import ScriptedModel
    from receptionist.testing.rehearsal import Account, Rehearsal
    from receptionist.testing.stored import Stored

Say = Callable[..., list[str]]
"""The type of the fixture `say`."""

_LEFT_OUT = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker of the channel suite."""
    config.addinivalue_line(
        "markers", f"{MARKER}(*abilities): the check applies only to channels that can do this (ChannelCase)"
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take YAML files in folders called `conversations` for conversations."""
    if not is_conversation(parent.session, file_path):
        return None
    return ConversationFile.from_parent(parent, path=file_path)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out checks that do not apply to their channel."""
    why = {item: missing(item) for item in items}
    left_out = [item for item in items if why[item]]
    if not left_out:
        return
    config.stash[_LEFT_OUT] = list(_explained([(item.nodeid.rpartition("::")[0], why[item]) for item in left_out]))
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not why[item]]


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    """Say which checks do not apply, and why."""
    return config.stash.get(_LEFT_OUT, [])


def _explained(left_out: Sequence[tuple[str, frozenset[str]]]) -> Iterator[str]:
    for suite in sorted({suite for suite, _ in left_out}):
        missed = [lacking for other, lacking in left_out if other == suite]
        words = ", ".join(sorted(frozenset().union(*missed)))
        yield f"{suite} cannot do: {words} ({len(missed)} checks do not apply)"


@pytest.fixture
def receptionist_plugins() -> Sequence[Path]:
    """Files and folders of plugins to drop in; override it with your own. Installed and bundled ones are there."""
    return ()


@pytest.fixture
def conversation_channels() -> Mapping[str, ChannelCase]:
    """The channels that a conversation's file may name; override it to add yours."""
    return {"webchat": WebChatCase()}


@pytest.fixture
def channel_case(request: pytest.FixtureRequest) -> ChannelCase:
    """The channel under test: that of the conversation's file, `case` of the test's class, else the web chat."""
    if isinstance(request.node, ConversationTest):
        script = request.node.script()
        cases: Mapping[str, ChannelCase] = request.getfixturevalue("conversation_channels")
        if script.channel not in cases:
            from receptionist.testing.script import ScriptError

            raise ScriptError(f"{script.path}:1: There is no channel {script.channel}; there are: {', '.join(cases)}.")
        return cases[script.channel]
    case = getattr(request.cls, "case", None)
    return case if isinstance(case, ChannelCase) else WebChatCase()


@pytest.fixture(scope="session")
def _receptionist_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from receptionist.testing.rehearsal import make_template

    return make_template(tmp_path_factory.mktemp("receptionist"))


@pytest.fixture
def rehearsal(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    receptionist_plugins: Sequence[Path],
    channel_case: ChannelCase,
    _receptionist_database: Path,
) -> Iterator[Rehearsal]:
    """The installation that the other fixtures are views of; see `Rehearsal`. The environment's settings are hidden."""
    from receptionist.config import setting_names
    from receptionist.core import settings_kinds
    from receptionist.loader import Plugins
    from receptionist.testing.rehearsal import Rehearsal, prepare

    folder = tmp_path_factory.mktemp("instance")
    with channel_case.vendor() if "sending" in channel_case.abilities() else nullcontext() as vendor:
        settings = dict(channel_case.installation(vendor.url if vendor else ""))
        prepare(folder, _receptionist_database, receptionist_plugins, settings)
        for kind in settings_kinds(Plugins(folder)):
            for name in setting_names(kind):
                monkeypatch.delenv(name, raising=False)
                monkeypatch.delenv(name.lower(), raising=False)
        made = Rehearsal(folder, channel_case, vendor)
        try:
            yield made
        finally:
            made.close()


@pytest.fixture
def app(rehearsal: Rehearsal) -> Flask:
    """The Flask application over an assembled core; nothing runs by itself."""
    return rehearsal.app


@pytest.fixture
def account(rehearsal: Rehearsal) -> Account:
    """The one account there is."""
    return rehearsal.account


@pytest.fixture
def line(rehearsal: Rehearsal) -> TestLine:
    """A line of the channel under test."""
    return rehearsal.line


@pytest.fixture
def model(rehearsal: Rehearsal) -> ScriptedModel:
    """What writes the answers: `model.says("Hello")`, `model.calls("book", day="Monday")`; else it echoes."""
    return rehearsal.model


@pytest.fixture
def say(rehearsal: Rehearsal) -> Say:
    """`say("Hi") == ["Echo: Hi"]`: write on the line as a customer, and hear what reached that customer."""
    return rehearsal.say


@pytest.fixture
def stored(rehearsal: Rehearsal) -> Stored:
    """Messages, leads and tool calls as plain values."""
    return rehearsal.stored
