"""Fetching files of MMS: only from Twilio's hosts, and the auth token only to its API."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from receptionist import FetchFailed, File

from .inbound import media_type
from .settings import TWILIO_URL, Setup

if TYPE_CHECKING:
    import requests

SECONDS = 13.0
SILENCE_SECONDS = 6.0
MAX_BYTES = 20 * 1024 * 1024
MAX_REDIRECTS = 3
URL = re.compile(r"(https?)://([A-Za-z0-9.-]{1,253})(?::([0-9]{1,5}))?(/[\x21-\x5b\x5d-\x7e]{0,2000})?")
"""No login, no backslash, nothing that two readers of URLs could take for different hosts."""

CDN = (".twilio.com", ".twiliocdn.com")
BUCKET = re.compile(r"https://s3-external-1\.amazonaws\.com/media\.twiliocdn\.com/[A-Za-z0-9/_-]{1,300}")
"""Where the API keeps files of accounts that do not enforce authentication on them. Believed from the API only."""

MAGIC: Sequence[tuple[int, bytes, str]] = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"%PDF-", "application/pdf"),
)
ACTIVE = re.compile(r"(text|application)/(html|xhtml\+xml|xml|javascript|ecmascript)|text/xml|image/svg\+xml")
"""Types that a browser would run."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads."""

    scheme: str
    host: str
    port: int

    @property
    def origin(self) -> str:
        """Scheme, host and port, without a port that goes without saying."""
        usual = self.port == (443 if self.scheme == "https" else 80)
        return f"{self.scheme}://{self.host}" + ("" if usual else f":{self.port}")


def place_of(url: str) -> Place:
    """Where a URL leads. Raises `FetchFailed` for anything but a plain web address."""
    match = URL.fullmatch(url)
    if match is None:
        raise FetchFailed("the file's address is no plain web address")
    scheme, host, port, _ = match.groups()
    return Place(scheme, host.lower(), int(port) if port else (443 if scheme == "https" else 80))


class MediaRoad:
    """Which addresses may be asked for a file of this account, and which of them may see its token."""

    def __init__(self, base_url: str) -> None:
        self._base = place_of(base_url)
        self._stand_in = not f".{self._base.host}".endswith(CDN)

    def has_token(self, place: Place) -> bool:
        """Whether this is the API: Twilio's, or the configured one."""
        return place.origin in (TWILIO_URL, self._base.origin)

    def check(self, place: Place) -> None:
        """Raises `FetchFailed` for a host that is not Twilio's. A stand-in may have its files on another port."""
        at_twilio = place.scheme == "https" and place.port == 443 and f".{place.host}".endswith(CDN)
        at_stand_in = self._stand_in and place.host == self._base.host
        if not (at_twilio or at_stand_in or self.has_token(place)):
            raise FetchFailed(f"the file is at {place.origin}, which is not Twilio's")


def fetch(session: requests.Session, base_url: str, setup: Setup, url: str, deadline: float) -> File:
    """The file at `url`, by `deadline`, a reading of `time.monotonic()`. Raises `FetchFailed`. The caller hands in
    Twilio's word; nothing about it is trusted."""
    import requests

    road = MediaRoad(base_url)
    from_api = False
    try:
        for _ in range(MAX_REDIRECTS + 1):
            place = place_of(url)
            if not (from_api and BUCKET.fullmatch(url)):
                road.check(place)
            from_api = road.has_token(place)
            found = _get(session, url, _tokens(setup) if from_api else [None], deadline)
            if isinstance(found, File):
                return found
            url = urljoin(url, found)
    except requests.RequestException as error:
        raise FetchFailed(f"the file could not be fetched: {type(error).__name__}", retryable=True) from error
    except ValueError as error:
        raise FetchFailed(f"the file is too large or broken: {error}") from error
    raise FetchFailed(f"the file is behind more than {MAX_REDIRECTS} redirects")


def _tokens(setup: Setup) -> list[tuple[str, str] | None]:
    return [(setup.account_sid, token) for token in setup.tokens]


def _get(session: requests.Session, url: str, logins: Sequence[tuple[str, str] | None], deadline: float) -> File | str:
    """The file, or where it is instead."""
    import requests

    from .transport import CONNECT_SECONDS, read_within

    for login in logins:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise requests.ReadTimeout("no time is left")
        wait = (min(CONNECT_SECONDS, remaining), min(SILENCE_SECONDS, remaining))
        headers = {"Accept-Encoding": "identity"}
        with session.get(url, auth=login, timeout=wait, allow_redirects=False, stream=True, headers=headers) as answer:
            if answer.status_code == 401:
                continue
            if answer.status_code in (301, 302, 303, 307, 308):
                return answer.headers.get("location", "")
            if answer.status_code != 200:
                again = answer.status_code in (404, 408, 429) or answer.status_code >= 500
                raise FetchFailed(f"Twilio answered {answer.status_code} for the file", retryable=again)
            content = b"".join(read_within(answer, MAX_BYTES, deadline))
            return File(content, safe_type(answer.headers.get("content-type", ""), content))
    raise FetchFailed("Twilio does not accept the credentials for the file: check auth_token")


def safe_type(declared: str, content: bytes) -> str:
    """The type to keep a file under: what the server says, unless the bytes begin otherwise or a browser would run
    it; then that of an unknown file."""
    declared = media_type(declared)
    real = next((name for start, magic, name in MAGIC if content[start : start + len(magic)] == magic), None)
    recognisable = {name for _, _, name in MAGIC} | {"image/jpg"}
    if declared in recognisable and real != declared.replace("image/jpg", "image/jpeg"):
        return real or "application/octet-stream"
    return "application/octet-stream" if ACTIVE.fullmatch(declared) else declared
