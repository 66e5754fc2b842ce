"""The last resort: a conversation's open work is given up, so that it blocks nothing that comes later."""

from __future__ import annotations

import structlog

from receptionist.contracts.events import MessageFailed
from receptionist.db import Scope
from receptionist.models import Message, Turn
from receptionist.models.conversations import OPEN_STATES
from receptionist.parts import Parts
from receptionist.pipeline.lease import Lease, guarded, hold
from receptionist.pipeline.ledger import Ledger

log = structlog.get_logger()


def give_up(parts: Parts, lease: Lease, reason: str) -> None:
    """Give up all that is open, a turn that was begun included, so that nothing later is taken for a part of it: the
    failed list shows it, and a person may replay it. Raises `FenceLost`."""
    Ledger(parts, lease, None).give_up()
    with parts.database.begin() as connection:
        scope = Scope(connection, lease.account_id)
        hold(scope, lease)
        if lease.turn_id is not None:
            scope.run(scope.update(Turn).where(Turn.id == lease.turn_id).values(state="failed", error=reason))
            scope.run(guarded(scope, lease).values(turn_id=None))
        own = (Message.conversation_id == lease.conversation_id, Message.state.in_(OPEN_STATES))
        open_ones = [row.id for row in scope.all(scope.select(Message, Message.id).where(*own).order_by(Message.seq))]
        statement = scope.update(Message).where(Message.id.in_(open_ones))
        scope.run(statement.where(Message.state == "sending").values(state="unknown", error=reason))
        scope.run(statement.where(Message.state.in_(OPEN_STATES)).values(state="failed", error=reason))
    lease.turn_id = None
    log.warning("given_up", conversation=lease.conversation_id, messages=len(open_ones), reason=reason)
    for message_id in open_ones:
        parts.emit(MessageFailed(lease.account_id, lease.conversation_id, message_id, reason))
