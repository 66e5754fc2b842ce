"""The installation's secret key: where it comes from, and what is derived from it."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
import secrets
import tempfile
from pathlib import Path

from receptionist.errors import SettingsError

FILE_NAME = "secret.key"
_MINIMUM = 32
_HOW = 'Make one with: python3 -c "import secrets; print(secrets.token_urlsafe(32))"'
_HEX = re.compile(r"([0-9a-fA-F]{2})+")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")


def load_secret_key(configured: str | None, instance: Path) -> bytes:
    """The key everything secret hangs on: at least 32 bytes, the same in every process of an installation.

    `configured` (the setting SECRET_KEY) wins; without it the key is read from `instance/secret.key`, which the
    first process to come makes. Raises `SettingsError` for a weak key or a file that others can read.
    """
    if configured and configured.strip():
        return parse_key(configured, "SECRET_KEY")
    path = instance / FILE_NAME
    try:
        if not path.exists():
            _make_file(path)
        return _read_file(path)
    except OSError as error:
        raise SettingsError(
            f"The secret key {path} cannot be read or made ({error}). "
            f"Let the user that runs Receptionist own {instance}, or set SECRET_KEY. {_HOW}"
        ) from error


def parse_key(text: str, source: str) -> bytes:
    """The bytes of a key written as hex or base64 (either alphabet, padding optional).

    Raises `SettingsError`, naming `source` and never the text, for a passphrase or fewer than 32 bytes.
    """
    text = text.strip()
    key = _decode(text)
    if key is None:
        raise SettingsError(f"{source} must be {_MINIMUM} random bytes in hex or base64, not a passphrase. {_HOW}")
    if len(key) < _MINIMUM:
        raise SettingsError(f"{source} holds only {len(key)} bytes; it needs at least {_MINIMUM}. {_HOW}")
    # 32 random bytes hold fewer than 16 different ones about once in 10**16 keys: this one was typed.
    if len(set(key)) < _MINIMUM // 2:
        raise SettingsError(f"{source} repeats itself: it is not random. {_HOW}")
    return key


def derive(key: bytes, purpose: str) -> bytes:
    """32 bytes for one `purpose` (HKDF with SHA-256, RFC 5869): knowing them tells nothing about other purposes."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    info = f"receptionist/v1/{purpose}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(key)


def _decode(text: str) -> bytes | None:
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    if not _BASE64.fullmatch(text):
        return None
    bare = text.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error:
        return None


def _read_file(path: Path) -> bytes:
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        content = file.read(4096)
    if mode & 0o077:
        raise SettingsError(
            f"{path} can be read by others (mode {mode & 0o777:04o}). Run: chmod 600 '{path}' "
            "- and if somebody may have read it, enter the secrets it protects anew."
        )
    return parse_key(content.decode("ascii", "replace"), str(path))


def _make_file(path: Path) -> None:
    """Publish a new key file in one step; when another process was quicker, its key stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(prefix=f".{FILE_NAME}.", dir=path.parent)  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(_MINIMUM) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        os.unlink(draft)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power cut: what is sealed with a lost key is lost."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
