"""Whom an address stands for."""

from __future__ import annotations

import ipaddress


def network_of(address: str) -> str:
    """Whom to count for an IP address: itself, or its /64 for IPv6, as one customer owns at least that much.

    Anything that is no address counts as "unknown", so that made-up ones do not each get a count of their own.
    """
    try:
        parsed = ipaddress.ip_address(address.strip().partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.IPv6Network((parsed, 64), strict=False))
    return str(parsed)
