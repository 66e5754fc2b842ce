"""What a turn's reply may go by besides the strategy: the customer's words, and what tools returned by themselves."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence

from receptionist.contracts.model import Item, Said, ToolOutput, ToolRequest
from receptionist.services.conversations.sessions import SessionState

_ADDRESS = re.compile(r"(?<![\w.-])[_.-]*+[^\W_](?:[\w-]*+\.)+[^\W\d_]{2,24}(?![\w-])|[A-Za-z0-9+/_-]{32,}")
"""A host, or a word as long as a key. A host is looked for where such signs begin and nowhere within them: else a long
text of them would take the square of its length."""


def said_by_customer(history: Iterable[Said], session: SessionState) -> list[str]:
    """The customer's messages that the model is shown, and the results of earlier calls it is reminded of."""
    earlier = [_own(call.get("result", ""), _addresses(call.get("arguments", ""))) for call in session.calls]
    return [item.text for item in history if item.role == "user"] + earlier


def without_echo(requests: Sequence[ToolRequest], outputs: Iterable[Item]) -> list[str]:
    """What tools returned, without the hosts that the model itself had put into any of these calls: else it could
    have a tool vouch for its own."""
    said = "\n".join(request.arguments for request in requests)
    echoed = _addresses(said)
    return [_own(item.output, echoed) for item in outputs if isinstance(item, ToolOutput)]


def _addresses(text: str) -> set[str]:
    return {_plain(found) for found in _ADDRESS.finditer(text)}


def _plain(found: re.Match[str]) -> str:
    return found[0].lstrip("_.-").casefold()


def _own(output: str, echoed: Container[str]) -> str:
    return _ADDRESS.sub(lambda found: " " if _plain(found) in echoed else found[0], output)
