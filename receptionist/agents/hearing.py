"""What a turn's reply may go by besides the strategy: the customer's words, and what tools returned by themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from receptionist.contracts.model import Item, Said, ToolOutput, ToolRequest
from receptionist.services.conversations.sessions import SessionState

_ADDRESS = re.compile(r"[^\W_](?:[\w-]*\.)+[^\W\d_]{2,24}(?![\w-])|[A-Za-z0-9+/_-]{32,}")
"""A host, or a word as long as a key."""


def said_by_customer(history: Iterable[Said], session: SessionState) -> list[str]:
    """The customer's messages that the model is shown, and the results of earlier calls it is reminded of."""
    earlier = [_own(call.get("result", ""), call.get("arguments", "")) for call in session.calls]
    return [item.text for item in history if item.role == "user"] + earlier


def without_echo(requests: Sequence[ToolRequest], outputs: Iterable[Item]) -> list[str]:
    """What tools returned, without the hosts that the model itself had put into any of these calls: else it could
    have a tool vouch for its own."""
    said = "\n".join(request.arguments for request in requests)
    return [_own(item.output, said) for item in outputs if isinstance(item, ToolOutput)]


def _own(output: str, arguments: str) -> str:
    if "." not in output and len(output) < 32:
        return output
    echoed = {found[0].casefold() for found in _ADDRESS.finditer(arguments)}
    return _ADDRESS.sub(lambda found: " " if found[0].casefold() in echoed else found[0], output)
