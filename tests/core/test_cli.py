"""The `receptionist` program, run as people run it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import click
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from receptionist.cli import main
from receptionist.contracts.messages import Inbound, Sender
from receptionist.db import Scope
from receptionist.models import Conversation, CreditEntry, Message
from receptionist.parts import Parts


def call(parts: Parts, *arguments: str, stdin: str = "", fails: bool = False) -> str:
    """Run the program on the installation of `parts`; its output, or with `fails` its error output."""
    done = result(parts.instance_path, *arguments, stdin=stdin)
    assert (done.exit_code != 0) == fails, done.output
    return done.stderr if fails else done.stdout


def result(instance: Path, *arguments: str, stdin: str = "") -> Result:
    """What became of a command. Within the test, for a process of its own takes a second; tests/people has some."""
    with patch("receptionist.log.configure"):  # which is for the whole process, and other tests read its log
        done = CliRunner().invoke(main, arguments, input=stdin, env={"INSTANCE_PATH": str(instance)})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.output
    return done


def write(parts: Parts, text: str) -> int:
    line = next(iter(parts.directory.office(1).lines.values()))
    [taken] = parts.host._intake.take_in(line, [Inbound(text, Sender("visitor:1"), text)])  # type: ignore[attr-defined]
    return taken.message_id


def test_a_business_is_set_up_from_the_command_line(parts: Parts, tmp_path: Path) -> None:
    call(parts, "account", "add", "Acme", "--timezone", "Europe/Berlin")
    file = tmp_path / "strategy.json"
    file.write_text(json.dumps({"agent_name": "Nova", "tools": ["note_lead"]}))
    assert "To make it: receptionist strategy create" in call(
        parts, "strategy", "publish", "Desk", str(file), fails=True
    )
    call(parts, "strategy", "create", "Desk")
    assert "Version 1 of Desk" in call(parts, "strategy", "publish", "Desk", str(file))
    shown = json.loads(call(parts, "strategy", "show", "Desk"))
    assert shown["agent_name"] == "Nova"
    shown["agent_name"] = "Vega"
    assert "Version 2" in call(parts, "strategy", "publish", "Desk", "-", stdin=json.dumps(shown))
    again = call(parts, "strategy", "publish", "Desk", "-", stdin=json.dumps(shown), fails=True)
    assert "Version 2 of Desk says the same already" in again
    added = call(parts, "line", "add", "webchat", "--title", "Chat", "--strategy", "Desk", "--set", "colour=#112233")
    key = parts.directory.office(1).lines[1].key
    assert f'data-line="{key}"' in added
    assert key in call(parts, "line", "list")
    call(parts, "line", "set", "1", 'allowed_origins=["https://www.example.com"]', "position=left")
    settings = parts.directory.by_key("webchat", key).settings
    assert (settings.position, settings.colour) == ("left", "#112233")
    assert call(parts, "account", "credits", "10") == "10 turns left.\n"
    assert "10 turns left" in call(parts, "account", "list")


def test_turns_are_counted_until_that_is_taken_back(demo: Parts) -> None:
    assert call(demo, "account", "credits", "1") == "1 turn left.\n"
    for _ in range(2):
        assert call(demo, "account", "credits", "none") == "Turns are not counted.\n"
    assert "left" not in call(demo, "account", "list")
    assert not demo.directory.office(1).metered
    assert call(demo, "account", "credits", "5") == "5 turns left.\n", "nothing of before"
    with demo.database.read() as connection:
        assert connection.execute(sa.select(sa.func.sum(CreditEntry.amount))).scalar_one() == 5


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("line", "add", "pigeon", "--title", "x"), "no channel pigeon; there are: sms, webchat"),
        (("line", "add", "webchat", "--title", "x", "--set", "colour=red"), "colour"),
        (("line", "set", "99", "position=left"), "no line 99"),
        (("strategy", "show", "Nothing"), "no strategy Nothing; there are: Front desk"),
        (("strategy", "use", "Front desk", "99"), "no line 99"),
        (("account", "add", "B", "--timezone", "Mars/Olympus"), "no time zone Mars/Olympus"),
        (("message", "replay", "5"), "There is no message 5"),
        (("conversation", "show", "5"), "no conversation 5"),
        (
            ("lead", "set", "Bea", "name=B"),
            "Bea is no number of a lead; find it with receptionist lead list --search Bea",
        ),
        (("account", "credits", "abc"), "write a number of turns from 1 to 100000000, such as 500, or none, not abc"),
        (("account", "credits", "9" * 30), "write a number of turns from 1 to 100000000"),
        (("message", "replay", "1", "9" * 30), "is not in the range"),
        (("conversation", "list", "--before", "9" * 30), "is not in the range"),
        (("conversation", "list", "--account", "M\udcfcller"), "not UTF-8 text"),
        (("line", "add", "webchat", "--title", "M\udcfcller"), "not UTF-8 text"),
        (("lead", "fields", "add", "email", "text"), "Every lead has email already"),
        (("lead", "list", "--channel", "fax"), "no channel fax; there are: sms, webchat"),
        (("strategy", "publish", "Front desk", "/bin/sh"), "is not text; this must be a JSON file of UTF-8"),
    ],
)
def test_mistakes_are_answered_with_one_line_and_the_cure(demo: Parts, arguments: tuple[str, ...], says: str) -> None:
    assert says in call(demo, *arguments, fails=True)


def test_every_number_has_an_end_that_the_databases_know() -> None:
    def commands(command: click.Command) -> Iterator[click.Command]:
        yield command
        for each in command.commands.values() if isinstance(command, click.Group) else ():
            yield from commands(each)

    endless = {
        (command.name, parameter.name)
        for command in commands(main)
        for parameter in command.params
        if parameter.type is click.INT or (isinstance(parameter.type, click.IntRange) and parameter.type.max is None)
    }
    assert endless == set()


def test_a_database_that_cannot_be_used_is_told_with_what_it_says(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/nowhere/receptionist.db"
    (tmp_path / "settings.env").write_text(f"DATABASE_URL={url}\n")
    done = result(tmp_path, "migrate")
    assert done.exit_code != 0
    assert "The database cannot be used just now; please try again. (unable to open database file)" in done.stderr


@pytest.mark.parametrize(
    ("before", "says"),
    [(("create", "New"), "New has no published version"), (("deactivate", "Front desk"), "Front desk is not active")],
)
def test_no_line_is_added_for_a_strategy_that_may_not_answer(demo: Parts, before: tuple[str, str], says: str) -> None:
    call(demo, "strategy", *before)
    lines = call(demo, "line", "list")
    assert says in call(demo, "line", "add", "webchat", "--title", "x", "--strategy", before[1], fails=True)
    assert call(demo, "line", "list") == lines


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ('{"tools": ["fly"]}', "no tool fly; there are:"),
        ('{"system_prompt_template": "{{ lead.name"}', "line 1"),
        ('{"system_prompt_template": "{{ secrets }}"}', "secrets"),
        ('{"opening_hours": {"monday": ["9-17"]}}', "09:00-12:30"),
        ('{"agnet_name": "x"}', "agnet_name: there is no such field, did you mean agent_name"),
        ("{", "not JSON"),
        ("", "is empty"),
    ],
)
def test_a_broken_strategy_is_not_published(demo: Parts, fields: str, says: str) -> None:
    assert says in call(demo, "strategy", "publish", "Front desk", "-", stdin=fields, fails=True)
    assert "(version 1)" in call(demo, "strategy", "list")


def test_conversations_are_listed_and_shown_without_what_a_terminal_obeys(demo: Parts) -> None:
    write(demo, "hello \x9b31m there")
    assert "Website chat" in call(demo, "conversation", "list")
    shown = call(demo, "conversation", "show", "1")
    assert "there" in shown
    assert "\x9b" not in shown
    assert call(demo, "conversation", "list", "--person") == "None.\n"


def test_a_failed_message_is_listed_and_can_be_replayed(demo: Parts) -> None:
    message_id = write(demo, "hello")
    with demo.database.begin() as connection:
        scope = Scope(connection, 1)
        scope.run(scope.update(Message).values(state="failed", error="the model hung"))
        scope.run(scope.update(Conversation).values(due_at=None))
    assert "the model hung" in call(demo, "message", "failed")
    assert "1 message failed" in call(demo, "doctor")
    assert "is waiting again" in call(demo, "message", "replay", str(message_id))
    assert call(demo, "message", "failed") == "None.\n"
    with demo.database.read() as connection:
        scope = Scope(connection, 1)
        row = scope.first(scope.select(Conversation))
    assert row is not None and row.due_at is not None


def test_doctor_is_well_after_the_first_start_and_plugins_are_listed(demo: Parts) -> None:
    examined = call(demo, "doctor")
    assert "FAIL" not in examined
    assert "Demo" in examined
    listed = call(demo, "plugins")
    for name in ("webchat", "openai_model", "demo_model", "lead_tools"):
        assert f"\n{name} " in f"\n{listed}"


def test_doctor_says_where_settings_were_read(demo: Parts) -> None:
    file = demo.instance_path / "settings.env"
    assert f"read from the environment alone; there is no {file}" in call(demo, "doctor")
    file.write_text("LOG_LEVEL=warning\n", encoding="utf-8")
    assert f"read from the environment and {file}" in call(demo, "doctor")


def test_doctor_names_a_database_that_is_behind(tmp_path: Path, parts: Parts) -> None:
    with parts.database.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    done = result(tmp_path, "doctor")
    assert done.exit_code == 1
    assert "receptionist migrate" in done.stdout


def test_an_empty_database_is_answered_with_the_command_that_makes_it(tmp_path: Path) -> None:
    done = result(tmp_path, "account", "add", "Acme")
    assert done.exit_code == 1 and "run: receptionist migrate" in done.stderr


def test_accounts_are_listed_and_changed_and_a_line_is_shown_without_its_secrets(demo: Parts) -> None:
    call(demo, "account", "change", "--name", "Acme", "--timezone", "Europe/Berlin")
    assert "Acme  (Europe/Berlin, IE)" in call(demo, "account", "list")
    call(demo, "line", "set", "1", f"identity_secret={'x9' * 20}")
    shown = json.loads(call(demo, "line", "show", "1"))
    assert shown["settings"]["identity_secret"] == "set, not shown"
    assert "There are: Acme" in call(demo, "line", "list", "--account", "Nobody", fails=True)


def test_publishing_under_a_new_name_says_that_no_line_uses_it(demo: Parts) -> None:
    mistyped = call(demo, "strategy", "publish", "Frontdesk", "-", stdin="{}", fails=True)
    assert 'no strategy Frontdesk, did you mean Front desk? To make it: receptionist strategy create "Fr' in mistyped
    call(demo, "strategy", "create", "Frontdesk")
    assert "no line uses it yet" in call(demo, "strategy", "publish", "Frontdesk", "-", stdin="{}")


def test_a_taken_port_is_named(demo: Parts) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        environment = {**os.environ, "INSTANCE_PATH": str(demo.instance_path), "PORT": str(port)}
        command = [sys.executable, "-m", "receptionist", "run"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"port {port}" in done.stderr and "set PORT" in done.stderr
