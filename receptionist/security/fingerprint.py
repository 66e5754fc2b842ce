"""Keyed hashes of addresses: they can be compared, but not read or guessed without the key."""

from __future__ import annotations

import hashlib
import hmac
from functools import cached_property

from receptionist.security.keys import derive


class Fingerprints:
    """Makes fingerprints with a key derived from `key`."""

    def __init__(self, key: bytes) -> None:
        self._secret = key

    @cached_property
    def _key(self) -> bytes:
        return derive(self._secret, "fingerprints")

    def of(self, *words: str) -> str:
        """64 hexadecimal digits (HMAC-SHA256), the same for the same words in the same order."""
        text = "".join(f"{len(word)}:{word}" for word in words)
        return hmac.new(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
