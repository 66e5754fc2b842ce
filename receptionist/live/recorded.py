"""The live event of a message that was recorded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from receptionist.contracts.live import LiveEvent


def recorded(
    message_id: int,
    direction: str,
    text: str,
    at: datetime,
    *,
    author: str,
    provider_message_id: str | None = None,
    turn: int | None = None,
    choices: Sequence[str] | None = None,
) -> LiveEvent:
    """The fields of `TranscriptMessage`, the time in ISO 8601; `turn` for a reply whose parts were shown live."""
    data: dict[str, Any] = {
        "id": message_id,
        "direction": direction,
        "text": text,
        "at": at.isoformat(),
        "provider_message_id": provider_message_id,
        "author": author,
        "choices": list(choices or ()),
    }
    return LiveEvent("message", data if turn is None else data | {"turn": turn})
