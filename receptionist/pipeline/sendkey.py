"""The key of an outbound message: what vendors are handed to recognise it, and what they give back in reports."""

from __future__ import annotations

import re
from typing import Any

_KEY = re.compile(r"message-([0-9]{1,18})-[0-9]{1,15}(-[0-9]{1,9})?")


def send_key(row: Any) -> str:
    """The same at every attempt, and another one when a person has the message sent again.

    With the time in it, for ids begin anew in another or a restored database.
    """
    key = f"message-{row.id}-{row.created_at.timestamp() * 1000:.0f}"
    return f"{key}-{row.replays}" if row.replays else key


def message_id_in(key: str) -> int | None:
    """The id in a key; the caller compares the whole key with that of the row. None for what is no key."""
    found = _KEY.fullmatch(key)
    return int(found[1]) if found else None
