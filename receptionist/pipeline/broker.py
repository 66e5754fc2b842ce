"""The queue, which is only a doorbell: messages carry a conversation's id and may be lost or doubled."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import dramatiq
from dramatiq.brokers.stub import StubBroker

if TYPE_CHECKING:
    from dramatiq.brokers.redis import RedisBroker

    from receptionist.live.link import RedisLink

QUEUE = "conversations"
ACTOR = "drain"

REDIS_SECONDS = 1.0
"""What one call to Redis may take; nobody but a thread made for it waits for one."""


def in_process_broker() -> dramatiq.Broker:
    """Dramatiq's broker within this process. No middleware: no retries, no age limits, no results."""
    return StubBroker(middleware=[])


def redis_broker(link: RedisLink) -> RedisBroker:
    """Dramatiq's broker between the processes of an installation, as bare as the other one."""
    from dramatiq.brokers.redis import RedisBroker

    quiet = logging.getLogger(f"dramatiq.worker.ConsumerThread({QUEUE})")
    if not any(isinstance(each, _OnceInAWhile) for each in quiet.filters):
        quiet.addFilter(_OnceInAWhile())
    client = link.client(REDIS_SECONDS)
    return RedisBroker(client=client, middleware=[], namespace=link.name)  # type: ignore[no-untyped-call]


def drain_actor(broker: dramatiq.Broker, drain: Callable[[int], None]) -> dramatiq.Actor[[int], None]:
    """The one actor: works off the conversation with this id. Nothing is ever delayed, so nobody looks for that."""

    @dramatiq.actor(broker=broker, actor_name=ACTOR, queue_name=QUEUE)
    def work_off(conversation_id: int) -> None:
        drain(conversation_id)

    broker.delay_queues.clear()
    return work_off


def ring(broker: dramatiq.Broker, conversation_id: int) -> None:
    """Send the actor's message, from a process that may not have the actor. Raises what the broker raises."""
    broker.enqueue(dramatiq.Message(queue_name=QUEUE, actor_name=ACTOR, args=(conversation_id,), kwargs={}, options={}))


class _OnceInAWhile(logging.Filter):
    """Lets the same complaint through once a minute, as one line: a consumer repeats it every 3 s of an outage."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be written."""
        now = time.monotonic()
        if now - self._last.get(record.msg, -60.0) < 60.0:
            return False
        self._last[record.msg] = now
        if record.exc_info and record.exc_info[0] and record.exc_info[0].__module__.startswith("redis."):
            record.msg, record.args, record.exc_info = f"{record.msg} %s", (record.exc_info[1],), None
        return True
