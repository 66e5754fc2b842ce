"""Step 4: say that a conversation has work. May be lost: the sweeper is the guarantee, the ring makes it quick."""

from __future__ import annotations

import dramatiq
import structlog

from receptionist.pipeline.lease import LeaseKeeper

log = structlog.get_logger()


class Bell:
    """Rings for a conversation; never raises, never waits long."""

    def __init__(self, actor: dramatiq.Actor[[int], None], keeper: LeaseKeeper) -> None:
        self._actor = actor
        self._keeper = keeper

    def __call__(self, conversation_id: int) -> None:
        """Ring. A holder of the conversation in this process hears it at once and begins its answer anew."""
        self._keeper.rang(conversation_id)
        try:
            self._actor.send(conversation_id)
        except Exception:  # whatever the broker does, the message is committed and the sweeper will ring
            log.warning("bell_not_heard", conversation=conversation_id, exc_info=True)
