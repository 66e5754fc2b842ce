"""Who a visitor is: a random address that we sign, or a customer whom the site's own server vouches for."""

from __future__ import annotations

import re
import secrets
import time
from typing import Any

import jwt
from jwt.exceptions import InvalidSubjectError

from receptionist import Host, Line, Refused, Sender

VISITOR_SECONDS = 30 * 24 * 3600
CUSTOMER_SECONDS = 24 * 3600
_MOST_AHEAD = 24 * 3600
_LEEWAY = 30
_TOKEN = re.compile(r"[A-Za-z0-9_\-.=]{1,4096}")
_EMAIL = re.compile(r"[^\s@<>,;\x00-\x1f]{1,64}@[A-Za-z0-9.-]{1,189}")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_NAMED_CLAIM = re.compile(r"\((exp|iat|nbf)\) must be")
_REASONS: dict[type[Exception], str] = {
    jwt.ExpiredSignatureError: "it has expired (exp)",
    jwt.ImmatureSignatureError: "it is not valid yet (iat, nbf)",
    InvalidSubjectError: "the claim sub must be text",
    jwt.InvalidIssuedAtError: "the claim iat must be a number",
    jwt.InvalidAudienceError: "the claim aud must be left out",
}


class IdentityRefused(Refused):
    """The identity token of the website is not good; the visitor is not taken for anybody else instead."""

    code = "identity_refused"


def issue_token(host: Host, line: Line, sender: Sender) -> tuple[str, int]:
    """A token that lets `sender` write and read on `line`, and for how many seconds.

    Customers proved by the site get a day, the longest its own token may live; others a month.
    """
    seconds = VISITOR_SECONDS if is_visitor(sender) else CUSTOMER_SECONDS
    claims = {
        "line": line.id,
        "address": sender.address,
        "name": sender.name,
        "email": sender.verified_email,
        "phone": sender.verified_phone,
    }
    return host.sign("webchat", claims, seconds), seconds


def read_token(host: Host, line: Line, token: str) -> Sender:
    """The sender a token was issued to. Raises `Refused` if it is forged, expired or for another line."""
    if not _TOKEN.fullmatch(token):
        raise Refused("The visitor token is malformed.")
    claims = host.unsign("webchat", token)
    if claims.get("line") != line.id:
        raise Refused("The visitor token is for another line.")
    return Sender(str(claims["address"]), claims.get("name"), claims.get("email"), claims.get("phone"))


def new_visitor() -> Sender:
    """Somebody nobody knows yet."""
    return Sender(f"visitor:{secrets.token_urlsafe(16)}")


def is_visitor(sender: Sender) -> bool:
    """Whether the sender is a random address, not a customer of the site."""
    return sender.address.startswith("visitor:")


def read_identity(line: Line, token: str) -> Sender:
    """The customer in a JWT signed by the website (RFC 7519, HS256 with the line's identity secret).

    Claims: `sub` (the site's own id of the customer) and `exp` (at most 24 hours ahead) are required; `name`, `email`
    and `phone` (E.164) are optional and count as proved. Raises `IdentityRefused`.
    """
    secret = line.settings.identity_secret
    if secret is None:
        raise IdentityRefused("This line has no identity secret, so it cannot check who signed in.")
    if not _TOKEN.fullmatch(token):
        raise IdentityRefused("The identity is not a JWT.")
    claims = _checked(token, secret.get_secret_value())
    return Sender(
        address=f"user:{_text(claims, 'sub', 200)}",
        name=_text(claims, "name", 200) if "name" in claims else None,
        verified_email=_matching(claims, "email", _EMAIL),
        verified_phone=_matching(claims, "phone", _PHONE),
    )


def _checked(token: str, secret: str) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            token, secret.encode(), algorithms=["HS256"], leeway=_LEEWAY, options={"require": ["exp", "sub"]}
        )
    except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError, RecursionError) as error:
        # Beyond its own errors PyJWT lets through those of hostile claims, such as an `exp` of 1e999.
        raise IdentityRefused(f"The identity was refused: {_reason(error)}.") from error
    if int(claims["exp"]) > time.time() + _MOST_AHEAD + _LEEWAY:
        raise IdentityRefused("The identity was refused: exp is more than 24 hours ahead.")
    return claims


def _reason(error: Exception) -> str:
    """What is wrong, for whoever makes the tokens. PyJWT looks at claims only under a good signature."""
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"the claim {error.claim} is missing"
    for kind, reason in _REASONS.items():
        if isinstance(error, kind):
            return reason
    named = _NAMED_CLAIM.search(str(error))
    return f"the claim {named[1]} must be a number" if named else "it is not signed as agreed"


def _text(claims: dict[str, Any], name: str, limit: int) -> str:
    value = claims[name]
    if not isinstance(value, str) or not value.strip() or len(value) > limit or not value.isprintable():
        raise IdentityRefused(f"The identity was refused: {name} must be text of 1 to {limit} characters.")
    return value


def _matching(claims: dict[str, Any], name: str, pattern: re.Pattern[str]) -> str | None:
    if name not in claims:
        return None
    value = claims[name]
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise IdentityRefused(f"The identity was refused: {name} is malformed.")
    return value
