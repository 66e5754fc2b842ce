"""The secret key: what is accepted, where it is made, and that two processes get the same one."""

from __future__ import annotations

import base64
import multiprocessing
import os
import secrets
import stat
import subprocess
import sys
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from receptionist.errors import SettingsError
from receptionist.security.keys import derive, load_secret_key, parse_key

RAW = bytes(range(7, 39))


@pytest.mark.parametrize(
    "text",
    [
        RAW.hex(),
        RAW.hex().upper(),
        base64.b64encode(RAW).decode(),
        base64.urlsafe_b64encode(RAW).decode(),
        base64.urlsafe_b64encode(RAW).decode().rstrip("="),
        f"  {RAW.hex()}\n",
    ],
)
def test_a_configured_key_may_be_hex_or_base64(text: str, tmp_path: Path) -> None:
    assert load_secret_key(text, tmp_path) == RAW
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        "the quick brown fox jumps over the lazy dog, twice a day!",
        "changeme",
        "7a841c15aefdc755d71548cfa8723f05",  # 16 bytes
        "TZl0JEBKI-uoR5pVG7Y4J0dzFwmPomZ9i2mTMkX7Jw",  # 31 bytes
        "a" * 64,
        "ab" * 40,
        "é" * 60,
        "A",
    ],
)
def test_a_weak_key_is_refused_with_a_hint_and_without_being_shown(text: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"SECRET_KEY .*Make one with: python3 -c") as refusal:
        load_secret_key(text, tmp_path)
    assert text not in str(refusal.value).split("Make one")[0].replace("SECRET_KEY", "")


@pytest.mark.parametrize("empty", [None, "", "  "])
def test_without_a_setting_a_key_file_is_made_once(empty: str | None, tmp_path: Path) -> None:
    instance = tmp_path / "instance"
    key = load_secret_key(empty, instance)
    assert len(key) == 32
    assert stat.S_IMODE((instance / "secret.key").stat().st_mode) == 0o600
    assert [path.name for path in instance.iterdir()] == ["secret.key"]
    assert load_secret_key(empty, instance) == key
    assert load_secret_key(empty, tmp_path / "other") != key


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_file_others_can_read_is_refused(mode: int, tmp_path: Path) -> None:
    key = load_secret_key(None, tmp_path)
    path = tmp_path / "secret.key"
    path.chmod(mode)
    with pytest.raises(SettingsError, match=f"mode {mode:04o}.*chmod 600 '{path}'"):
        load_secret_key(None, tmp_path)
    path.chmod(0o400)
    assert load_secret_key(None, tmp_path) == key


def test_a_broken_key_file_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    path.touch(mode=0o600)
    with pytest.raises(SettingsError, match=r"secret\.key must be 32 random bytes"):
        load_secret_key(None, tmp_path)
    assert path.read_bytes() == b""


def test_a_folder_that_cannot_hold_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "instance").write_text("a file where the folder should be")
    with pytest.raises(SettingsError, match=r"cannot be read or made .*set SECRET_KEY"):
        load_secret_key(None, tmp_path / "instance")


def _load(instance: Path, start: Barrier, found: Queue[bytes]) -> None:
    start.wait(20)
    found.put(load_secret_key(None, instance))


def test_processes_that_start_at_once_agree_on_the_key(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("forkserver")
    start, found = spawn.Barrier(4), spawn.Queue()
    processes = [spawn.Process(target=_load, args=(tmp_path, start, found)) for _ in range(4)]
    for process in processes:
        process.start()
    keys = {found.get(timeout=30) for _ in processes}
    for process in processes:
        process.join(30)
    found.close()
    found.join_thread()
    assert len(keys) == 1
    assert os.listdir(tmp_path) == ["secret.key"]


def test_derived_keys_differ_by_purpose_and_by_key() -> None:
    other = parse_key(secrets.token_hex(32), "other")
    derived = {derive(RAW, "vault"), derive(RAW, "tokens"), derive(other, "vault"), RAW}
    assert len(derived) == 4
    assert {len(key) for key in derived} == {32}
    assert derive(RAW, "vault") == derive(RAW, "vault")


def test_derivation_is_hkdf_as_in_rfc_5869() -> None:
    """Computed here by hand, so that a library or a purpose changed by accident does not lock the vault."""
    import hashlib
    import hmac

    extracted = hmac.digest(b"\0" * 32, RAW, hashlib.sha256)
    assert derive(RAW, "vault") == hmac.digest(extracted, b"receptionist/v1/vault\x01", hashlib.sha256)


def test_an_idle_process_does_not_load_the_cryptography() -> None:
    code = (
        "import sys; from receptionist.security import keys, tokens, vault; key = bytes(range(32));"
        "vault.Vault(key); tokens.Signer(key); print([name for name in ('cryptography', 'jwt') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
