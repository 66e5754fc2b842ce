"""The last resort: a conversation's open work is given up, so that it blocks nothing that comes later."""

from __future__ import annotations

from receptionist.db import Scope
from receptionist.models import Message, Turn
from receptionist.models.conversations import OPEN_STATES
from receptionist.parts import Parts
from receptionist.pipeline.lease import Lease, guarded, hold
from receptionist.pipeline.ledger import Ledger

REASON = "the line is not active, or its worker failed again and again"


def give_up(parts: Parts, lease: Lease) -> None:
    """Give up all that is open, a turn that was begun included, so that nothing later is taken for a part of it: the
    failed list shows it, and a person may replay it. Raises `FenceLost`."""
    Ledger(parts, lease, None).give_up()
    with parts.database.begin() as connection:
        scope = Scope(connection, lease.account_id)
        hold(scope, lease)
        if lease.turn_id is not None:
            scope.run(scope.update(Turn).where(Turn.id == lease.turn_id).values(state="failed", error=REASON))
            scope.run(guarded(scope, lease).values(turn_id=None))
        statement = scope.update(Message).where(Message.conversation_id == lease.conversation_id)
        scope.run(statement.where(Message.state == "sending").values(state="unknown", error=REASON))
        scope.run(statement.where(Message.state.in_(OPEN_STATES)).values(state="failed", error=REASON))
    lease.turn_id = None
