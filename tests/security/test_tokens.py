"""S19: forged, stale and misused tokens are refused, whatever library defaults say."""

from __future__ import annotations

import base64
import json
import secrets
import time
from typing import Any

import jwt
import pytest

from receptionist.errors import Refused
from receptionist.security.keys import derive
from receptionist.security.tokens import Signer

KEY = secrets.token_bytes(32)
SIGNING_KEY = derive(KEY, "tokens")


@pytest.fixture
def signer() -> Signer:
    return Signer(KEY)


def forge(
    key: bytes = SIGNING_KEY, headers: dict[str, Any] | None = None, changes: dict[str, Any] | None = None
) -> str:
    """A token as ours, with claims changed, or taken away by None."""
    now = int(time.time())
    payload = {"user": 1, "aud": "session", "iat": now, "exp": now + 60, **(changes or {})}
    return jwt.encode({k: v for k, v in payload.items() if v is not None}, key, algorithm="HS256", headers=headers)


def raw(header: Any, payload: Any, signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(payload).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@pytest.mark.parametrize("claims", [{}, {"user": 7, "name": "Zoë", "roles": ["admin"], "sub": 12, "jti": 3}])
def test_claims_come_back_as_they_were(signer: Signer, claims: dict[str, Any]) -> None:
    assert signer.unsign("session", signer.sign("session", claims, 60)) == claims


def test_a_token_is_good_for_the_purpose_it_was_made_for_only(signer: Signer) -> None:
    token = signer.sign("invite", {"user": 1}, 60)
    assert signer.unsign("invite", token) == {"user": 1}
    with pytest.raises(Refused):
        signer.unsign("session", token)


def test_a_clock_that_runs_a_little_ahead_does_no_harm(signer: Signer) -> None:
    """Another web process made the token, and its second has begun already."""
    assert signer.unsign("session", forge(changes={"iat": int(time.time()) + 2})) == {"user": 1}


def test_the_forger_of_this_file_makes_good_tokens(signer: Signer) -> None:
    assert signer.unsign("session", forge()) == {"user": 1}


@pytest.mark.parametrize("missing", ["exp", "iat", "aud"])
def test_a_token_without_a_required_claim_is_refused(signer: Signer, missing: str) -> None:
    with pytest.raises(Refused):
        signer.unsign("session", forge(changes={missing: None}))


@pytest.mark.parametrize("purpose", ["refresh", "", "Session", "session ", ["session"], ["refresh", "session"]])
def test_a_token_for_another_purpose_is_refused(signer: Signer, purpose: Any) -> None:
    with pytest.raises(Refused):
        signer.unsign("session", forge(changes={"aud": purpose}))


@pytest.mark.parametrize("exp", [0, -1, "soon", float("inf"), [1], 10**30 * -1])
def test_an_expired_or_nonsensical_time_is_refused(signer: Signer, exp: Any) -> None:
    with pytest.raises(Refused):
        signer.unsign("session", forge(changes={"exp": exp}))


def test_a_token_expires(signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 61)
    stale, fresh = signer.sign("session", {}, 60), signer.sign("session", {}, 3600)
    monkeypatch.undo()
    assert signer.unsign("session", fresh) == {}
    with pytest.raises(Refused):
        signer.unsign("session", stale)


def test_a_token_that_was_good_a_moment_ago_expires(signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    token, now = signer.sign("session", {"user": 1}, 60), time.time()
    assert signer.unsign("session", token) == {"user": 1}
    monkeypatch.setattr(time, "time", lambda: now + 61)
    with pytest.raises(Refused):
        signer.unsign("session", token)


def test_what_one_reader_does_to_claims_another_does_not_see(signer: Signer) -> None:
    token = signer.sign("session", {"roles": ["agent"]}, 60)
    for _ in range(3):
        claims = signer.unsign("session", token)
        assert claims == {"roles": ["agent"]}
        claims["roles"].append("owner")
        claims["user"] = 1


def test_a_good_token_does_not_vouch_for_its_forgery(signer: Signer) -> None:
    token = signer.sign("session", {"user": 1}, 60)
    assert signer.unsign("session", token) == {"user": 1}
    head, payload, _ = token.split(".")
    other = raw({}, {}).split(".")[0]
    for forged in (f"{head}.{payload}.{other}", f"{head}.{payload}.", f"{token} ", token.upper()):
        with pytest.raises(Refused):
            signer.unsign("session", forged)


def test_another_key_is_refused(signer: Signer) -> None:
    for key in (secrets.token_bytes(32), KEY):
        with pytest.raises(Refused):
            signer.unsign("session", forge(key))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS384", "HS512", "RS256", "ES256", "", None, 1])
def test_another_algorithm_is_refused(signer: Signer, algorithm: Any) -> None:
    now = int(time.time())
    payload = {"aud": "session", "iat": now, "exp": now + 60}
    signature = base64.urlsafe_b64decode(forge().split(".")[2] + "==")
    for attempt in (b"", signature):
        with pytest.raises(Refused):
            signer.unsign("session", raw({"alg": algorithm, "typ": "JWT"}, payload, attempt))


def test_a_genuine_token_of_another_hash_is_refused(signer: Signer) -> None:
    now = int(time.time())
    key = SIGNING_KEY * 2
    token = jwt.encode({"aud": "session", "iat": now, "exp": now + 60}, key, algorithm="HS512")
    with pytest.raises(Refused):
        signer.unsign("session", token)


def test_keys_named_in_the_header_are_not_used(signer: Signer) -> None:
    theirs = secrets.token_bytes(32)
    headers = {
        "kid": "../../dev/null",
        "jku": "https://example.com/keys",
        "jwk": {"kty": "oct", "k": base64.urlsafe_b64encode(theirs).decode()},
    }
    with pytest.raises(Refused):
        signer.unsign("session", forge(theirs, headers=headers))


def test_every_changed_character_is_noticed(signer: Signer) -> None:
    token = signer.sign("session", {"user": 1}, 60)
    for at in range(len(token) - 1):  # the last one holds unused bits, which base64 lets vary
        changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        with pytest.raises(Refused):
            signer.unsign("session", changed)


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "...", "a.b.c", "é.é.é", "\ud800", "\0", "null", "[" * 4000, raw([], {}), raw("x", 1)],
)
def test_garbage_is_refused(signer: Signer, token: str) -> None:
    with pytest.raises(Refused):
        signer.unsign("session", token)


def test_a_deeply_nested_header_is_refused(signer: Signer) -> None:
    header = base64.urlsafe_b64encode(b"[" * 2900).decode()
    with pytest.raises(Refused):
        signer.unsign("session", f"{header}.e30.AAAA")


def test_an_oversize_token_is_neither_made_nor_read(signer: Signer) -> None:
    with pytest.raises(ValueError, match="at most 4096"):
        signer.sign("session", {"text": "x" * 4000}, 60)
    oversize = forge(changes={"text": "x" * 4000})
    assert jwt.decode(oversize, SIGNING_KEY, algorithms=["HS256"], audience="session")["user"] == 1
    with pytest.raises(Refused):
        signer.unsign("session", oversize)
    largest = signer.sign("session", {"text": "x" * 2800}, 60)
    assert len(signer.unsign("session", largest)["text"]) == 2800


@pytest.mark.parametrize(
    ("claims", "seconds"), [({"exp": 1}, 60), ({"aud": "x"}, 60), ({"iat": 1}, 60), ({}, 0), ({}, -5)]
)
def test_what_would_undo_the_rules_cannot_be_signed(signer: Signer, claims: dict[str, Any], seconds: int) -> None:
    with pytest.raises(ValueError, match=r"must not name|at least one second"):
        signer.sign("session", claims, seconds)
