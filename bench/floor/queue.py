"""The floor's queue: Dramatiq on Redis, without middleware."""

from __future__ import annotations

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker

broker = RedisBroker(url=os.environ["FLOOR_REDIS_URL"], middleware=[])
dramatiq.set_broker(broker)
