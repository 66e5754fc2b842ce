"""Whether a customer may be written to now, on channels whose vendor allows it only so long after their last word."""

from __future__ import annotations

import sqlalchemy as sa

from receptionist.contracts.channel import Channel
from receptionist.db import Scope, db_now, prepared
from receptionist.models import Message, table

PAGE = 50
"""Messages that are looked at in one go, the newest first."""
LAST = 2**63 - 1
"""Above all ids."""

_messages = table(Message)
_begin = db_now(sa.bindparam("b_seconds", type_=sa.Float))
_fresh = _messages.c.created_at > _begin
_heard = sa.and_(
    _fresh,
    _messages.c.direction == "in",
    _messages.c.address == sa.bindparam("b_address"),
    sa.or_(_messages.c.sent_at.is_(None), _messages.c.sent_at > _begin),
)
NEWEST = prepared(
    sa.select(
        _messages.c.id,
        sa.case((_fresh, True), else_=False).label("fresh"),
        sa.case((_heard, True), else_=False).label("heard"),
    )
    .where(
        _messages.c.lead_id == sa.bindparam("b_lead"),
        _messages.c.line_id == sa.bindparam("b_line"),
        _messages.c.id < sa.bindparam("b_before"),
    )
    .order_by(_messages.c.id.desc())
    .limit(PAGE),
    _messages,
)


def is_open(scope: Scope, channel: Channel, line_id: int, lead_id: int, address: str) -> bool:
    """Whether a text may go to this address by the line now; always, where the channel has no window.

    It counts from when the customer wrote, as the vendor says (`Inbound.sent_at`): a webhook that comes late, or once
    more, opens nothing. No clock of a vendor is believed to be ahead of ours. Nothing is looked at that came before the
    window, so a conversation of years costs what a new one does."""
    seconds = channel.capabilities.reply_window_seconds
    if seconds is None:
        return True
    whose = {"b_lead": lead_id, "b_line": line_id, "b_address": address, "b_seconds": -seconds}
    before = LAST
    while rows := scope.execute(NEWEST, **whose, b_before=before).all():
        for row in rows:
            if row.heard or not row.fresh:
                return bool(row.heard)
        before = rows[-1].id
    return False


def rule(channel: Channel) -> str:
    """What the window is, as a sentence for whoever it stopped; only for channels that have one."""
    long = _in_words(channel.capabilities.reply_window_seconds or 0)
    return f"{channel.title} takes messages only within {long} of the customer's last one, and there is none that new."


def _in_words(seconds: float) -> str:
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} seconds"
