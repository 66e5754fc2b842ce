"""Signed tokens (JWT, RFC 7519): claims a browser may carry but not change."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from receptionist.errors import Refused
from receptionist.security.keys import derive

_ALGORITHM = "HS256"
_LONGEST = 4096
_RESERVED = ("aud", "exp", "iat")
_REMEMBERED = 1000
"""Good tokens a process knows again without checking the signature anew: whoever chats shows one with each message."""
_REFUSAL = "The token is not valid or has expired; get a new one."


class Signer:
    """Signs and reads tokens with a key derived from `key`; one token is good for one purpose only."""

    def __init__(self, key: bytes) -> None:
        self._secret = key
        self._good: OrderedDict[bytes, tuple[float, str]] = OrderedDict()
        self._lock = threading.Lock()

    @cached_property
    def _key(self) -> bytes:
        return derive(self._secret, "tokens")

    def sign(self, purpose: str, claims: Mapping[str, Any], seconds: int) -> str:
        """A token with `claims` for `purpose`, valid for `seconds`; anyone who holds it can read the claims.

        Raises `ValueError` for claims named aud, exp or iat, no time to live, or more than 4 kB.
        """
        import jwt

        if taken := [name for name in _RESERVED if name in claims]:
            raise ValueError(f"claims must not name {', '.join(taken)}")
        if seconds <= 0:
            raise ValueError("a token must be valid for at least one second")
        now = int(time.time())
        payload = {**claims, "aud": purpose, "iat": now, "exp": now + seconds}
        token = jwt.encode(payload, self._key, algorithm=_ALGORITHM)
        if len(token) > _LONGEST:
            raise ValueError(f"the token would be {len(token)} bytes; at most {_LONGEST} are read")
        return token

    def unsign(self, purpose: str, token: str) -> dict[str, Any]:
        """The claims `sign` was given. Raises `Refused` if forged, expired, oversize or for another purpose."""
        if len(token) > _LONGEST or not token.isascii():
            raise Refused(_REFUSAL)
        shown = hashlib.sha256(f"{purpose}\0{token}".encode()).digest()
        with self._lock:
            known = self._good.get(shown)
        if known is not None:
            expires, text = known
            if time.time() >= expires:
                raise Refused(_REFUSAL)
            claims: dict[str, Any] = json.loads(text)
            return claims
        payload = self._verified(purpose, token)
        claims = {name: value for name, value in payload.items() if name not in _RESERVED}
        with self._lock:  # kept as text, so that nobody changes what the next one is given
            self._good[shown] = (int(payload["exp"]), json.dumps(claims))
            if len(self._good) > _REMEMBERED:
                self._good.popitem(last=False)
        return claims

    def _verified(self, purpose: str, token: str) -> dict[str, Any]:
        import jwt

        try:
            payload: dict[str, Any] = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                audience=purpose,
                # PyJWT takes a token without `exp` unless told otherwise. `iat` must be there but may lie a
                # little ahead: two web processes need not agree on the second.
                options={
                    "require": list(_RESERVED),
                    "strict_aud": True,
                    "verify_iat": False,
                    "verify_sub": False,
                    "verify_jti": False,
                },
            )
        except jwt.PyJWTError as error:
            raise Refused(_REFUSAL) from error
        return payload
