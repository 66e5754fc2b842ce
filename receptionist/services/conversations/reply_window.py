"""Whether a customer may be written to now, on channels whose vendor allows it only so long after their last word."""

from __future__ import annotations

import sqlalchemy as sa

from receptionist.contracts.channel import Channel
from receptionist.db import Scope, db_now
from receptionist.models import Message


def is_open(scope: Scope, channel: Channel, line_id: int, lead_id: int, address: str) -> bool:
    """Whether a text may go to this address by the line now; always, where the channel has no window.

    It counts from when the customer wrote, as the vendor says (`Inbound.sent_at`): a webhook that comes late, or once
    more, opens nothing. No clock of a vendor is believed to be ahead of ours."""
    seconds = channel.capabilities.reply_window_seconds
    if seconds is None:
        return True
    begin = db_now(-seconds)
    heard = scope.select(Message, Message.id).where(
        Message.lead_id == lead_id,
        Message.line_id == line_id,
        Message.address == address,
        Message.direction == "in",
        Message.created_at > begin,
        sa.or_(Message.sent_at.is_(None), Message.sent_at > begin),
    )
    return scope.first(heard.order_by(Message.id.desc()).limit(1)) is not None


def rule(channel: Channel) -> str:
    """What the window is, as a sentence for whoever it stopped; only for channels that have one."""
    long = _in_words(channel.capabilities.reply_window_seconds or 0)
    return f"{channel.title} takes messages only within {long} of the customer's last one, and there is none that new."


def _in_words(seconds: float) -> str:
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} seconds"
