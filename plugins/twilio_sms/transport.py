"""The way to Twilio's API: connections that all threads share, a deadline, no retries, one host for the token."""

from __future__ import annotations

import json
import os
import ssl
import time
import weakref
from collections.abc import Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from twilio.http import HttpClient  # type: ignore[import-untyped]
from twilio.http.response import Response  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from receptionist import SendFailed

from .settings import Setup

CONNECT_SECONDS = 3.0
POOL_SIZE = 32
MAX_ANSWER = 8 * 1024 * 1024
CHUNK = 64 * 1024


class Connections:
    """This process's connections. Safe to use from any thread, and after a fork."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._made: tuple[int, requests.Session] | None = None

    def session(self) -> requests.Session:
        """This process's session. It takes no proxy, login or certificate from the environment, and no cookies."""
        made = self._made
        if made is not None and made[0] == os.getpid():
            return made[1]
        session = requests.Session()
        session.trust_env = False
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(pool_maxsize=POOL_SIZE, max_retries=0))
        weakref.finalize(self, session.close)
        self._made = (os.getpid(), session)
        return session

    def client(self, setup: Setup, seconds: float) -> Client:
        """Twilio's client for the line's account; all its requests together may take so many seconds."""
        transport = Transport(self.session(), self.base_url, setup, seconds)
        return Client(setup.account_sid, setup.tokens[0], http_client=transport)


class Transport(HttpClient):  # type: ignore[misc]  # the library has no types
    """Carries the requests of one operation. While tokens are rotated, the next is tried when one is refused.

    Raises what `requests` raises, and `SendFailed` when Twilio wants fewer requests.
    """

    def __init__(self, session: requests.Session, base_url: str, setup: Setup, seconds: float) -> None:
        self._session = session
        self._base_url = base_url
        self._setup = setup
        self._deadline = time.monotonic() + seconds

    def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """One request of the library's, to the configured host whatever its URL says."""
        parts = urlsplit(url)
        target = self._base_url + parts.path + (f"?{parts.query}" if parts.query else "")
        for token in self._setup.tokens:
            response = self._once(
                method, target, auth=(self._setup.account_sid, token), params=params, data=data, headers=headers
            )
            if response.status_code != 401:
                break
        if response.status_code == 429:
            raise SendFailed("Twilio wants fewer requests (429)", retry_after=seconds_of(response.headers))
        return response

    def _once(self, method: str, url: str, **arguments: Any) -> Response:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise requests.ConnectTimeout("no time is left")
        with self._session.request(
            method,
            url,
            timeout=(min(CONNECT_SECONDS, remaining), remaining),
            allow_redirects=False,
            stream=True,
            **arguments,
        ) as response:
            body = b"".join(read_within(response, MAX_ANSWER, self._deadline))
            return Response(response.status_code, body.decode("utf-8", "replace"), response.headers)


def read_within(response: requests.Response, limit: int, deadline: float) -> Iterator[bytes]:
    """The body in pieces. Raises `requests.ReadTimeout` after the deadline, `ValueError` beyond `limit` bytes."""
    total = 0
    while True:
        try:
            piece = response.raw.read1(CHUNK, decode_content=True)
        except urllib3.exceptions.ReadTimeoutError as error:
            raise requests.ReadTimeout(str(error)) from error
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError(str(error)) from error
        if not piece:
            return
        total += len(piece)
        if total > limit:
            raise ValueError(f"more than {limit} bytes")
        if time.monotonic() > deadline:
            raise requests.ReadTimeout("the answer takes too long")
        yield piece


def seconds_of(headers: Mapping[str, str]) -> float | None:
    """The header Retry-After where it is a number of seconds (RFC 9110), at most five minutes."""
    value = headers.get("retry-after", "").strip()
    return min(float(value), 300.0) if value.isascii() and value.isdigit() else None


def never_left(error: BaseException) -> bool:
    """Whether a failed request surely did not reach Twilio: no connection was made."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    kinds = (urllib3.exceptions.NewConnectionError, ssl.SSLCertVerificationError)
    return any(isinstance(cause, kinds) for cause in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        inner = [getattr(error, "reason", None), *error.args]
        following = next((each for each in inner if isinstance(each, BaseException)), None)
        error = following or error.__cause__


def explain(error: Exception) -> str:
    """A failed request in words, without the URL, which holds the account's id."""
    if isinstance(error, requests.Timeout):
        return "Twilio did not answer in time"
    if isinstance(error, requests.RequestException):
        return f"the connection to Twilio failed ({type(error).__name__})"
    if isinstance(error, json.JSONDecodeError):
        return "Twilio's answer was no JSON"
    return f"Twilio's answer was not understood ({type(error).__name__})"
