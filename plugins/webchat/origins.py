"""Which web pages may use a line: origins compared exactly, by scheme, host and port (RFC 6454)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_ORIGIN = re.compile(r"(https?)://(\*\.)?([^\s/:\[\]@?#*]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_HINT = "write it like https://www.example.com or https://*.example.com, without a path"


def normal_origin(value: str) -> str:
    """The origin `value` as browsers send it: lower case, punycode, no default port.

    `https://*.example.com` stands for every host below example.com, not for example.com itself.
    Raises `ValueError` for anything else, `null` and paths included.
    """
    match = _ORIGIN.fullmatch(value.strip().lower())
    if not match:
        raise ValueError(f"{value!r} is not an origin: {_HINT}")
    scheme, star, host, port = match.groups()
    if port and not 0 < int(port) < 65536:
        raise ValueError(f"{value!r} has no such port: {_HINT}")
    suffix = f":{int(port)}" if port and int(port) != _DEFAULT_PORTS[scheme] else ""
    return f"{scheme}://{star or ''}{_normal_host(host, bool(star), value)}{suffix}"


def _normal_host(host: str, wildcard: bool, value: str) -> str:
    try:
        if host.startswith("["):
            return f"[{ipaddress.IPv6Address(host[1:-1]).compressed}]" if not wildcard else _refuse(value)
        ascii_host = host.encode("idna").decode("ascii").lower()
    except (ValueError, UnicodeError):
        return _refuse(value)
    labels = ascii_host.split(".")
    if len(ascii_host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return _refuse(value)
    if wildcard and (len(labels) < 2 or labels[-1].isdigit()):
        return _refuse(value)
    return ascii_host


def _refuse(value: str) -> str:
    raise ValueError(f"{value!r} has no usable host name: {_HINT}")


def own_origins(public_url: str) -> frozenset[str]:
    """The origins of the installation's own pages; the names of this very machine count as one."""
    parts = urlsplit(public_url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    hosts = _LOOPBACK if host in _LOOPBACK else (host,)
    suffix = f":{parts.port}" if parts.port else ""
    return frozenset(normal_origin(f"{parts.scheme}://{name}{suffix}") for name in hosts)


def is_allowed(origin: str, allowed: Iterable[str], public_url: str) -> bool:
    """Whether a page of `origin`, as its browser sent it, may use a line with these `allowed` (normal) origins."""
    if len(origin) > 300 or not origin.isascii() or not _ORIGIN.fullmatch(origin) or "*" in origin:
        return False
    return origin in own_origins(public_url) or any(_matches(origin, pattern) for pattern in allowed)


def _matches(origin: str, pattern: str) -> bool:
    if "://*." not in pattern:
        return origin == pattern
    scheme, _, below = pattern.partition("://*")
    prefix = f"{scheme}://"
    if not (origin.startswith(prefix) and origin.endswith(below)):
        return False
    labels = origin[len(prefix) : -len(below)].split(".")
    return all(_LABEL.fullmatch(label) for label in labels)
