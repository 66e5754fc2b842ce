"""Lines as an admin sets them up by command: numbers, what is missing, and two lines that would share a number."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from structlog.testing import capture_logs

from receptionist.cli import main
from receptionist.core import assemble
from receptionist.db import Scope
from receptionist.doctor_lines import troubles
from receptionist.services import accounts
from tests.harness.instance import ACCOUNT as BUSINESS
from tests.harness.instance import left_out
from tests.servers.twilio_server import ACCOUNT, NUMBER, TOKEN
from tests.sms.fake_host import SERVICE

SETTINGS = {"TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": TOKEN, "TWILIO_PHONE_NUMBER": NUMBER}
OTHER = "+12025550199"
PLUGINS = ",".join(name for name in left_out().split(",") if name != "twilio_sms")
Command = Callable[..., str]


@pytest.fixture
def instance(make_instance: Callable[..., Path]) -> Path:
    """An installation with a Twilio account, and line 5, which takes the number of the environment."""
    return make_instance(DISABLED_PLUGINS=PLUGINS, **SETTINGS)


@pytest.fixture
def command(instance: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`command("list")`: what `receptionist line` prints; with `fails=True` its complaint."""
    monkeypatch.setattr("receptionist.log.configure", lambda level: None)

    def run(*arguments: str, fails: bool = False) -> str:
        done = CliRunner().invoke(main, ("line", *arguments), env={"INSTANCE_PATH": str(instance)})
        assert (done.exit_code != 0) == fails, done.output
        return done.output

    run("add", "sms", "--title", "Texts", "--account", BUSINESS)
    return run


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("add", "sms", "--title", "B", "--address", "2025550199"), "with + and country code, like +1"),
        (("add", "sms", "--title", "B", "--set", "phone_number=2025550199"), "with + and country code, like +1"),
        (("set", "5", "phone_number=2025550199"), "with + and country code, like +1"),
    ],
)
def test_a_number_without_country_code_is_refused(command: Command, arguments: tuple[str, ...], says: str) -> None:
    before = command("list")
    assert says in command(*arguments, fails=True)
    assert command("list") == before


def test_each_line_has_its_own_number(command: Command) -> None:
    command("add", "sms", "--title", "Office", "--set", f"phone_number={OTHER}")
    command("add", "sms", "--title", "Campaign", "--set", f"messaging_service_sid={SERVICE}")
    assert [json.loads(command("show", line))["address"] for line in ("5", "6", "7")] == [NUMBER, OTHER, SERVICE]
    assert "Warning" not in command("list")
    command("set", "5", "second_auth_token=12345678")  # its own number is no other line's
    command("deactivate", "5")
    command("set", "6", f"phone_number={NUMBER}")
    assert f"{NUMBER} is the address of line 6 (Office), too" in command("activate", "5")
    assert "Warning" not in command("set", "5", f"phone_number={OTHER}")


def test_a_second_line_with_the_same_number_is_warned_of(command: Command) -> None:
    said = command("add", "sms", "--title", "B")
    assert f"Warning: {NUMBER} is the address of line 5 (Texts), too" in said
    assert "receptionist line set 6 phone_number=..., or: receptionist line deactivate 5" in said
    assert "Warning" in command("set", "5", f"phone_number={NUMBER}")


def test_an_address_is_written_where_the_channel_has_it(command: Command) -> None:
    command("add", "sms", "--title", "B", "--address", OTHER)
    shown = json.loads(command("show", "6"))
    assert shown["address"] == shown["settings"]["phone_number"] == OTHER


def test_another_account_is_not_named(command: Command, instance: Path) -> None:
    parts, _ = assemble(instance)
    with parts.database.begin() as connection:
        accounts.create(connection, "Rival", "Europe/Berlin")
    parts.database.dispose()
    said = command("add", "sms", "--title", "Theirs", "--account", "Rival")
    assert "line 5 (of another account)" in said and "deactivate" not in said


def test_two_lines_that_share_a_number_already_are_told(command: Command, instance: Path) -> None:
    command("add", "sms", "--title", "Old", "--set", f"phone_number={OTHER}")
    parts, _ = assemble(instance)
    with parts.database.begin() as connection:
        scope = Scope(connection, 1)
        connection.exec_driver_sql(f"UPDATE lines SET settings = replace(settings, '{OTHER}', '{NUMBER}')")
        accounts.touch(scope)
    [said] = troubles(parts, [1])
    assert said.startswith(f"{NUMBER} is the address of the lines 5 (Texts, {BUSINESS}) and 6 (Old, {BUSINESS})")
    assert said.endswith("receptionist line deactivate 6")
    parts.database.dispose()


def test_a_mistake_in_a_channel_is_told(command: Command, instance: Path) -> None:
    parts, _ = assemble(instance)
    parts.channels["sms"].addresses = lambda settings: settings.fone  # type: ignore[method-assign]
    assert list(troubles(parts, [1])) == ["The channel sms failed at a line's address: AttributeError."]
    parts.database.dispose()


def test_settings_that_are_gone_are_told_once_and_in_words(command: Command, instance: Path) -> None:
    file = instance / "settings.env"
    file.write_text("\n".join(row for row in file.read_text().splitlines() if not row.startswith("TWILIO")))
    missing = "set account_sid, or TWILIO_ACCOUNT_SID for all lines"
    parts, _ = assemble(instance)
    with capture_logs() as logs:
        assert list(troubles(parts, [1])) == [f"the settings of line 5 cannot be used: {missing}"]
        for revision in (10, 11):
            with parts.database.begin() as connection:
                accounts.touch(Scope(connection, 1))
            parts.directory.office(1, revision)
    assert [(each["event"], each["reason"]) for each in logs] == [("line_unusable", missing)]
    parts.database.dispose()
    with capture_logs() as logs:
        done = CliRunner().invoke(main, ["doctor"], env={"INSTANCE_PATH": str(instance)})
    assert f"FAIL line: the settings of line 5 cannot be used: {missing}\n" in done.output
    assert logs == []
    assert "Saved" in command("set", "5", f"account_sid={ACCOUNT}", f"auth_token={TOKEN}", f"phone_number={NUMBER}")
