"""Wrong settings stop the start and say how to mend them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from receptionist import migrations
from receptionist.config import Config, CoreSettings, find_instance_path
from receptionist.core import assemble, open_database
from receptionist.db import Scope
from receptionist.errors import SettingsError
from receptionist.services import lines
from receptionist.services.demo.first_start import create_demo_if_empty


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "settings.env").write_text("PORT=9001\nHOST=0.0.0.0\n")
    monkeypatch.setenv("PORT", "9002")
    settings = Config(tmp_path).read(CoreSettings)
    assert (settings.host, settings.port) == ("0.0.0.0", 9002)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("PORT=eighty", "PORT"),
        ("PUBLIC_URL=chat.example.com", "PUBLIC_URL.*https://chat.example.com"),
        ("PUBLIC_URL=https://chat.example.com?from=mail", "PUBLIC_URL.*https://chat.example.com"),
        ("PUBLIC_URL=https://chat.example.com#top", "PUBLIC_URL.*https://chat.example.com"),
        ("PUBLIC_URL=https://chat.example.com:eighty", "PUBLIC_URL.*https://chat.example.com"),
        ("PUBLIC_URL=https://ann:x@chat.example.com", "PUBLIC_URL.*https://chat.example.com"),
        ("LOG_LEVEL=loud", "LOG_LEVEL.*debug, info"),
        ("TURN_SECONDS=600", "TURN_SECONDS"),
    ],
)
def test_a_wrong_setting_is_named_with_its_cure(tmp_path: Path, line: str, says: str) -> None:
    (tmp_path / "settings.env").write_text(line + "\n")
    with pytest.raises(SettingsError, match=says):
        Config(tmp_path).read(CoreSettings)


def test_an_unknown_setting_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "settings.env").write_text("OPENAI_APIKEY=sk-x\n")
    with pytest.raises(SettingsError, match="OPENAI_API_KEY"):
        assemble(tmp_path)


def test_a_wrong_setting_never_shows_its_value(tmp_path: Path) -> None:
    (tmp_path / "settings.env").write_text("PORT=canary-secret\n")
    with pytest.raises(SettingsError) as caught:
        Config(tmp_path).read(CoreSettings)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("line", ['OPENAI_API_KEY="sk-x', "this is no setting"])
def test_a_line_that_cannot_be_read_stops_the_start(tmp_path: Path, line: str) -> None:
    (tmp_path / "settings.env").write_text(f"HOST=127.0.0.1\n{line}\n")
    with pytest.raises(SettingsError, match="line 2: this is no setting") as caught:
        assemble(tmp_path)
    assert "sk-x" not in str(caught.value)


def test_a_lost_key_is_never_replaced_where_secrets_were_sealed_with_it(tmp_path: Path) -> None:
    parts, factory = assemble(tmp_path)
    migrations.upgrade(parts.database)
    assert create_demo_if_empty(parts, factory.check)
    with parts.database.begin() as connection:
        secret = {"identity_secret": "x9" * 20}
        lines.change(Scope(connection, 1), parts.vault, parts.channels["webchat"], 1, secret)
    parts.database.dispose()
    (tmp_path / "secret.key").rename(tmp_path / "away")
    with pytest.raises(SettingsError, match=r"secret\.key is missing.*backup"):
        assemble(tmp_path)
    assert not (tmp_path / "secret.key").exists()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("DATABASE_URL=oracle+nothing://x/y", "DATABASE_URL"),
        ("DATABASE_URL=postgresql+psycopg2://u:canary@h/d", "DATABASE_URL.*Write it like postgresql://user"),
        ("DATABASE_URL=postgres://u:canary@h/d?pgbouncer=true", 'DATABASE_URL.*connection option "pgbouncer"'),
        ("DATABASE_URL=postgres://u:canary@h:port/d", "DATABASE_URL cannot be read.*percent-encoded"),
        ("DATABASE_URL=sqlite://", "DATABASE_URL names no file"),
        ("REDIS_URL=redis://:canary@h/0?db=x", "REDIS_URL.*'db'"),
        ("REDIS_URL=unix:///run/redis", "REDIS_URL: write it like redis://"),
    ],
)
def test_an_address_that_cannot_be_used_here_is_named(tmp_path: Path, line: str, says: str) -> None:
    (tmp_path / "settings.env").write_text(f"{line}\n")
    with pytest.raises(SettingsError, match=says) as caught:
        assemble(tmp_path)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgres://u:p@h/d",
        "postgresql://u:p@h:5432/d?sslmode=require&connect_timeout=2",
        "postgresql+psycopg://u:p%2Fx@[::1]:5/d?prepare_threshold=none",
        "postgresql:///d?host=/run/postgresql",
        "postgresql://u:p@first,second/d?target_session_attrs=read-write",
    ],
)
def test_addresses_that_hosts_give_are_taken(tmp_path: Path, url: str) -> None:
    database = open_database(CoreSettings(database_url=url), tmp_path)
    assert database.engine.url.drivername == "postgresql+psycopg"


def test_nobody_else_may_read_the_instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "instance"
    folder.mkdir(mode=0o755)
    monkeypatch.setenv("INSTANCE_PATH", str(folder))
    before = os.umask(0o022)
    try:
        assert find_instance_path().stat().st_mode & 0o777 == 0o700
        (folder / "new").touch()
        assert (folder / "new").stat().st_mode & 0o077 == 0
    finally:
        os.umask(before)
