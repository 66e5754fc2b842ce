"""Whether a request surely comes from Twilio (twilio.com/docs/usage/webhooks/webhooks-security)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlsplit

from receptionist import Invalid, Refused, WebhookRequest

from .settings import Setup

FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 300


class Form(dict[str, list[str]]):
    """A form in which a name may stand more than once, as Twilio's validator reads it."""

    def getlist(self, name: str) -> list[str]:
        """All values of the name."""
        return self.get(name, [])

    def once(self, name: str) -> str:
        """The value of a field that must be there once. Raises `Invalid`: doubled fields do not break a signature."""
        values = self.getlist(name)
        if len(values) != 1:
            raise Invalid(f"{name} must be there once, not {len(values)} times.")
        return values[0]

    def optional(self, name: str) -> str:
        """The value of a field that may be absent, then empty. Raises `Invalid` when it is there more than once."""
        return self.once(name) if name in self else ""


def is_form(request: WebhookRequest) -> bool:
    """Whether the body says that it is a form."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM


def read_form(request: WebhookRequest) -> Form:
    """The fields of the body. Raises `Invalid` for what is no form in UTF-8."""
    form = Form()
    try:
        text = request.body.decode("utf-8")
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise Invalid("The body must be a form in UTF-8.") from error
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return form


def check_signature(request: WebhookRequest, setup: Setup) -> None:
    """Raises `Refused`, or `Invalid` for a broken form, unless a key of the line signed this URL and this body.

    A form is signed with the URL; of any other body the URL holds the hash.
    """
    fields = read_form(request) if is_form(request) else Form()
    try:
        good = (is_form(request) or _body_is_hashed(request)) and _is_signed(request, fields, setup)
    except ValueError as error:  # a URL, or characters, that cannot be signed
        raise Refused("The signature cannot be checked.") from error
    if not good:
        raise Refused("The signature is missing or wrong: is it this account's auth token, and this public URL?")


def _is_signed(request: WebhookRequest, fields: Form, setup: Setup) -> bool:
    from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

    algorithm, keys = _keys(request, setup)
    given = request.headers.get("x-twilio-signature", "").encode("utf-8", "replace")
    return any(
        hmac.compare_digest(RequestValidator(key).compute_signature(url, fields, algorithm).encode(), given)
        for key in keys
        for url in spellings(request.url)
    )


def _keys(request: WebhookRequest, setup: Setup) -> tuple[str, Iterable[str]]:
    """The algorithm that the request names, and the keys that may have been used with it."""
    algorithm = "HMAC_SHA1"
    for part in request.headers.get("x-twilio-webhooks-signature-settings", "").split(","):
        name, _, value = part.partition("=")
        if name.strip() == "algorithm":
            algorithm = value.strip()
    if algorithm == "HMAC_SHA1":
        return algorithm, setup.tokens
    if algorithm == "HMAC_SHA256" and setup.shared_key:
        return algorithm, (setup.shared_key,)
    raise Refused(f"The request is signed with {algorithm[:40]!r}: set webhook_shared_key for HMAC_SHA256.")


def _body_is_hashed(request: WebhookRequest) -> bool:
    """Whether the URL holds the hash of the body, once."""
    given = [value for name, value in parse_qsl(urlsplit(request.url).query) if name == "bodySHA256"]
    real = hashlib.sha256(request.body).hexdigest()
    return len(given) == 1 and hmac.compare_digest(given[0].encode("utf-8", "replace"), real.encode())


def spellings(url: str) -> tuple[str, str]:
    """The URL as it is, and with the port added or left out: Twilio signs either. Raises `ValueError`."""
    url = url.partition("#")[0]
    parts = urlsplit(url)
    if parts.port is None:
        other = f"{parts.netloc}:{443 if parts.scheme == 'https' else 80}"
    else:
        other = parts.netloc.removesuffix(f":{parts.port}")
    return url, parts._replace(netloc=other).geturl()
