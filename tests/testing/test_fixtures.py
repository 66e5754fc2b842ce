"""The fixtures that authors of tools and channels test with."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from receptionist.testing.plugin import Say
from receptionist.testing.rehearsal import Account, Rehearsal
from receptionist.testing.stored import Stored

TOOL = '''
from receptionist import ToolError, hookimpl, tool


@tool(effect="writes")
def book(day: str, context) -> str:
    """Book an appointment.

    day: the day, as 2031-05-05
    """
    if day == "never":
        raise ToolError("There is no such day.")
    return f"Booked for {day}."


@hookimpl
def register_tools(host):
    return [book]
'''


@pytest.fixture
def receptionist_plugins(tmp_path: Path) -> Sequence[Path]:
    """A tool of an author's own."""
    file = tmp_path / "booker.py"
    file.write_text(TOOL, encoding="utf-8")
    return [file]


def test_the_model_echoes_what_was_said(say: Say) -> None:
    assert say("Hi") == ["Echo: Hi"]
    assert say("Are you open?") == ["Echo: Are you open?"]


def test_the_model_says_what_it_was_told(say: Say, model) -> None:
    model.says("Hello!", "Yes.")
    assert say("Hi") == ["Hello!"]
    assert say("Are you open?") == ["Yes."]
    assert say("Sure?") == ["Echo: Sure?"]
    assert [item.text for item in model.requests[1].items] == ["Hi", "Hello!", "Are you open?"]


def test_a_tool_of_ones_own_is_called(say: Say, model, stored: Stored) -> None:
    model.calls("book", day="2031-05-05")
    assert say("Book me in.") == ["The tool said: Booked for 2031-05-05."]
    [call] = stored.tool_calls()
    assert (call.name, call.state, call.arguments) == ("book", "done", '{"day": "2031-05-05"}')


def test_a_tool_may_refuse_and_the_model_may_go_on(say: Say, model, stored: Stored) -> None:
    model.calls("book", day="never")
    model.says("That day does not exist.")
    assert say("Book me in.") == ["That day does not exist."]
    assert "There is no such day." in str(model.requests[-1].items[-1])


def test_what_is_stored_can_be_looked_at(say: Say, stored: Stored, account: Account, line) -> None:
    say("Hi")
    assert [(each.direction, each.author, each.text, each.state) for each in stored.messages()] == [
        ("in", "customer", "Hi", "answered"),
        ("out", "agent", "Echo: Hi", "sent"),
    ]
    assert {each.line_id for each in stored.messages()} == {line.id}
    assert len(stored.leads()) == 1
    assert (account.id, account.name) == (1, "Rehearsal Ltd")


def test_nothing_runs_by_itself(rehearsal: Rehearsal) -> None:
    rehearsal.receive(rehearsal.incoming("Hi"))
    assert rehearsal.model.requests == []
    rehearsal.work()
    assert rehearsal.replies() == ["Echo: Hi"]


def test_the_application_answers(app) -> None:
    assert app.test_client().get("/health").get_json() == {"status": "ok"}


class TestSettingsOfTheEnvironment:
    @pytest.fixture(autouse=True)
    def environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What an author's shell may hold."""
        monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/real")
        monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-real")
        monkeypatch.setenv("DISABLED_PLUGINS", "webchat")

    def test_are_hidden(self, say: Say, rehearsal: Rehearsal) -> None:
        assert say("Hi") == ["Echo: Hi"]
        assert rehearsal.parts.database.is_sqlite
        assert not rehearsal.parts.settings.redis_url


def test_a_program_that_runs_knows_nothing_of_pytest() -> None:
    code = (
        "import sys, receptionist, receptionist.server, receptionist.desk, receptionist.app, receptionist.cli;"
        "print('pytest' in sys.modules, 'receptionist.testing' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False"]


def test_the_plugin_alone_does_not_import_core() -> None:
    code = "import sys, receptionist.testing.plugin; print([m for m in sys.modules if m in ('flask', 'sqlalchemy')])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_what_does_not_apply_is_left_out_and_named(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "from receptionist.testing import ChannelSuite, WebChatCase\n"
        "class TestChat(ChannelSuite):\n"
        "    case = WebChatCase()\n"
    )
    result = pytester.runpytest_subprocess("-p", "no:randomly", "-k", "reply or echo or receipt or opt")
    outcomes = result.parseoutcomes()
    assert outcomes.keys() <= {"passed", "deselected"}
    assert outcomes["passed"] > 0
    result.stdout.fnmatch_lines(["*TestChat cannot do: batches, consent, echoes, receipts, *checks do not apply)"])
