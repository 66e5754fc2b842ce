"""How to reach the business."""

from __future__ import annotations

from .turn import Turn


def contact(turn: Turn) -> str | None:
    """Address, phone, e-mail and website, as far as asked for."""
    wanted = {
        "address": r"\b(address|located|location|directions|(find|get to) you|where are you|where is your \w+)\b",
        "phone": r"\b(your|the|a) (phone|telephone)\b|\b(your|phone|telephone) number\b|\bcall you\b|\breach you\b",
        "email": r"\be-?mail\b(?!.*@)|\bwrite (to )?you\b",
        "website": r"\b(website|web ?site|home ?page|online shop)\b",
    }
    titles = {
        "address": "Our address is",
        "phone": "Our phone number is",
        "email": "Our e-mail address is",
        "website": "Our website is",
    }
    found = [key for key, pattern in wanted.items() if turn.says(pattern) and key not in turn.given]
    said = [f"{titles[key]} {turn.strategy[key]}." for key in found if turn.strategy[key]]
    missing = [key for key in found if not turn.strategy[key]]
    return " ".join(said + [f"I have no {key} on record here." for key in missing]) or None


def contact_line(turn: Turn) -> str | None:
    """How else to reach the business."""
    ways = [turn.strategy[key] for key in ("phone", "email") if turn.strategy[key]]
    return f"You can reach us at {' or '.join(ways)}." if ways else None
