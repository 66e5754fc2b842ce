"""What both apps and the load generator speak: a signed webhook in, a plain send out, and the agent's brief."""

from __future__ import annotations

import functools
import hashlib
import hmac
import json

import requests

KEY = b"the key that vendor and line share"
MESSAGES_PER_CUSTOMER = 10
"""Then a new customer comes, so that the history stays as short as real ones are."""


def signature(body: bytes) -> str:
    """HMAC-SHA256 of a webhook's raw body, as both apps check it."""
    return hmac.new(KEY, body, hashlib.sha256).hexdigest()


def webhook(provider_id: str, sender: str, text: str) -> tuple[bytes, str]:
    """Body and header lines of one signed webhook."""
    body = json.dumps({"id": provider_id, "from": sender, "text": text}).encode()
    return body, f"Content-Type: application/json\r\nX-Signature: {signature(body)}\r\n"


@functools.cache
def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    adapter = requests.adapters.HTTPAdapter(pool_maxsize=128)
    session.mount("http://", adapter)
    return session


def send(vendor: str, to: str, text: str) -> str:
    """Send a reply by `requests`, as vendors' clients do; returns the vendor's id. Raises `RequestException`."""
    answer = _session().post(f"{vendor}/send", json={"to": to, "text": text}, timeout=15)
    answer.raise_for_status()
    return str(answer.json()["id"])
