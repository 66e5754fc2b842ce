"""Knows a customer again who writes on another channel, by a phone number or e-mail address that was proved."""

from __future__ import annotations

from receptionist import Host, Inbound, Line, hookimpl


@hookimpl
def find_lead(inbound: Inbound, line: Line, host: Host) -> int | None:
    """The lead of the line's account with the sender's verified e-mail or phone; a mere claim counts nothing."""
    sender = inbound.sender
    if sender.verified_email is None and sender.verified_phone is None:
        return None
    return host.find_lead(line.account_id, email=sender.verified_email, phone=sender.verified_phone)
