"""S65: secrets at rest are sealed, bound to their account and field, and survive a change of key."""

from __future__ import annotations

import base64
import secrets
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receptionist.errors import SettingsError
from receptionist.security.vault import Vault

OLD, NEW = secrets.token_bytes(32), secrets.token_bytes(32)


@given(st.text(st.characters(categories=None), max_size=300))
def test_what_is_sealed_opens(text: str) -> None:
    vault = Vault(NEW)
    assert vault.open(vault.seal(text, account_id=3, field="token"), account_id=3, field="token") == text


def test_the_format_is_version_key_id_and_base64url() -> None:
    version, key_id, content = Vault(NEW).seal("x" * 50, account_id=1, field="f").split(":")
    assert version == "v1"
    assert len(bytes.fromhex(key_id)) == 4
    assert len(base64.urlsafe_b64decode(content)) == 12 + 50 + 16


def test_sealing_twice_gives_nothing_away() -> None:
    vault = Vault(NEW)
    assert len({vault.seal("same", account_id=1, field="f") for _ in range(100)}) == 100


@pytest.mark.parametrize(("account_id", "field"), [(2, "token"), (1, "secret"), (1, "token2"), (11, "token")])
def test_a_secret_moved_to_another_account_or_field_does_not_open(account_id: int, field: str) -> None:
    vault = Vault(NEW)
    sealed = vault.seal("canary", account_id=1, field="token")
    with pytest.raises(SettingsError, match=rf"{field!r} of account {account_id} does not open.*Enter it again"):
        vault.open(sealed, account_id=account_id, field=field)


def test_the_binding_is_not_ambiguous() -> None:
    vault = Vault(NEW)
    sealed = vault.seal("canary", account_id=1, field="2:token")
    with pytest.raises(SettingsError):
        vault.open(sealed, account_id=12, field=":token")


@pytest.mark.parametrize("at", [0, 5, 11, 12, 15, 17, -1])
def test_a_changed_bit_is_noticed(at: int) -> None:
    vault = Vault(NEW)
    prefix, _, content = vault.seal("canary", account_id=1, field="f").rpartition(":")
    raw = bytearray(base64.urlsafe_b64decode(content))
    raw[at] ^= 1
    with pytest.raises(SettingsError, match="does not open"):
        vault.open(f"{prefix}:{base64.urlsafe_b64encode(raw).decode()}", account_id=1, field="f")


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "v1",
        "v1:",
        "v1::",
        "v2:{id}:{content}",
        "v1:{id}:",
        "v1:{id}:AAAA",
        "v1:{id}:*{content}",
        "plain text",
        "é:é:é",
    ],
)
def test_garbage_is_an_admin_error(garbage: str) -> None:
    vault = Vault(NEW)
    _, key_id, content = vault.seal("canary", account_id=1, field="f").split(":")
    with pytest.raises(SettingsError, match=r"'f' of account 1"):
        vault.open(garbage.format(id=key_id, content=content), account_id=1, field="f")


def test_a_new_key_seals_and_the_older_one_still_opens() -> None:
    before = Vault(OLD).seal("canary", account_id=1, field="f")
    both = Vault(NEW, older=[OLD])
    assert both.open(before, account_id=1, field="f") == "canary"
    after = both.seal("canary", account_id=1, field="f")
    assert after.split(":")[1] != before.split(":")[1]
    assert Vault(NEW).open(after, account_id=1, field="f") == "canary"


def test_a_key_that_is_gone_is_named_with_the_cure() -> None:
    sealed = Vault(OLD).seal("canary", account_id=4, field="api_key")
    key_id = sealed.split(":")[1]
    with pytest.raises(SettingsError, match=rf"'api_key' of account 4 .*id {key_id}.*SECRET_KEY.*enter the secret"):
        Vault(NEW).open(sealed, account_id=4, field="api_key")


def test_a_sealed_secret_cannot_pose_as_another_keys() -> None:
    old, both = Vault(OLD).seal("canary", account_id=1, field="f"), Vault(NEW, older=[OLD])
    new_id = both.seal("", account_id=1, field="f").split(":")[1]
    with pytest.raises(SettingsError, match="does not open"):
        both.open(f"v1:{new_id}:{old.split(':')[2]}", account_id=1, field="f")


def test_the_database_file_does_not_hold_the_secret(tmp_path: Path) -> None:
    canary, path = secrets.token_hex(20), tmp_path / "db.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE secret (value TEXT)")
        connection.execute("INSERT INTO secret VALUES (?)", [Vault(NEW).seal(canary, account_id=1, field="f")])
    connection.close()
    assert b"v1:" in path.read_bytes()
    assert canary.encode() not in path.read_bytes()
