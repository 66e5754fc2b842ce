"""The queue, which is only a doorbell: messages carry a conversation's id and may be lost or doubled."""

from __future__ import annotations

from collections.abc import Callable

import dramatiq
from dramatiq.brokers.stub import StubBroker

QUEUE = "conversations"


def in_process_broker() -> dramatiq.Broker:
    """Dramatiq's broker within this process. No middleware: no retries, no age limits, no results."""
    return StubBroker(middleware=[])


def drain_actor(broker: dramatiq.Broker, drain: Callable[[int], None]) -> dramatiq.Actor[[int], None]:
    """The one actor: works off the conversation with this id."""

    @dramatiq.actor(broker=broker, actor_name="drain", queue_name=QUEUE)
    def work_off(conversation_id: int) -> None:
        drain(conversation_id)

    return work_off
