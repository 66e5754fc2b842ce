"""The vault: seals secrets before they are stored, so that the database alone gives none away."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Sequence
from functools import cached_property

from receptionist.errors import SettingsError
from receptionist.security.keys import derive

_VERSION = "v1"
_NONCE = 12


class Vault:
    """Seals texts with AES-256-GCM, bound to the account and field they belong to.

    `key` seals and opens; `older` keys only open what they sealed, which is how a key is changed: open every
    value and seal it again. Safe to share between threads.
    """

    def __init__(self, key: bytes, older: Sequence[bytes] = ()) -> None:
        self._secrets = (key, *older)

    @cached_property
    def _keys(self) -> dict[str, bytes]:
        """Encryption keys by key id, the one that seals first. Made at first use: cryptography is 6 MB of memory."""
        return {derive(each, "vault key id")[:4].hex(): derive(each, "vault") for each in self._secrets}

    def seal(self, text: str, *, account_id: int, field: str) -> str:
        """`text` sealed, as `v1:<key id>:<base64url nonce and ciphertext>`; never twice the same."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key_id, key = next(iter(self._keys.items()))
        nonce = os.urandom(_NONCE)
        bound = _binding(key_id, account_id, field)
        ciphertext = AESGCM(key).encrypt(nonce, text.encode("utf-8", "surrogatepass"), bound)
        return f"{_VERSION}:{key_id}:{base64.urlsafe_b64encode(nonce + ciphertext).decode('ascii')}"

    def open(self, sealed: str, *, account_id: int, field: str) -> str:
        """The text that was sealed for this account and field.

        Raises `SettingsError` if the value was damaged, belongs elsewhere, or its key is not here.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key_id, content = _parse(sealed, account_id, field)
        if key_id not in self._keys:
            raise SettingsError(
                f"The secret {field!r} of account {account_id} was sealed with another key (id {key_id}). Bring back "
                "the SECRET_KEY or instance/secret.key it was saved with, or enter the secret again."
            )
        try:
            bound = _binding(key_id, account_id, field)
            text = AESGCM(self._keys[key_id]).decrypt(content[:_NONCE], content[_NONCE:], bound)
        except InvalidTag as error:
            raise _damaged(account_id, field) from error
        return text.decode("utf-8", "surrogatepass")


def _binding(key_id: str, account_id: int, field: str) -> bytes:
    return f"{_VERSION}:{key_id}:{account_id}:{field}".encode()


def _parse(sealed: str, account_id: int, field: str) -> tuple[str, bytes]:
    version, _, rest = sealed.partition(":")
    key_id, _, encoded = rest.partition(":")
    try:
        content = base64.b64decode(encoded, altchars=b"-_", validate=True)
    except (ValueError, binascii.Error) as error:
        raise _damaged(account_id, field) from error
    if version != _VERSION or len(content) <= _NONCE:
        raise _damaged(account_id, field)
    return key_id, content


def _damaged(account_id: int, field: str) -> SettingsError:
    return SettingsError(
        f"The stored secret {field!r} of account {account_id} does not open: it was damaged, or copied from another "
        "account or field. Enter it again, or restore the database from a backup."
    )
