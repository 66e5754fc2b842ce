"""The floor's worker half: load by Core, prompt, model call, Core insert and commit, HTTP send.

No order, no lease, no retry, no outbox: a killed worker's message is lost.
"""

from __future__ import annotations

import functools
import os
from datetime import UTC, datetime
from typing import Any

import dramatiq
import openai
import sqlalchemy as sa

from bench.floor.prompt import TOOLS, prompt
from bench.floor.queue import broker
from bench.floor.tables import INSERT, make_engine, messages, strategies
from bench.wire import MESSAGES_PER_CUSTOMER, send

LOAD = (
    sa.select(messages.c.sender, strategies.c.fields)
    .join(strategies, strategies.c.id == 1)
    .where(messages.c.id == sa.bindparam("b_id"))
)
HISTORY = (
    sa.select(messages.c.direction, messages.c.text)
    .where(messages.c.sender == sa.bindparam("b_sender"))
    .order_by(messages.c.id.desc())
    .limit(2 * MESSAGES_PER_CUSTOMER)
)


@functools.cache
def _engine() -> sa.Engine:
    return make_engine()


@functools.cache
def _client() -> openai.OpenAI:
    return openai.OpenAI(api_key="none", base_url=os.environ["FLOOR_MODEL_URL"], max_retries=0, timeout=60)


@dramatiq.actor(broker=broker, queue_name="floor")
def answer(message_id: int) -> None:
    """Answer one message."""
    with _engine().connect() as connection:
        row = connection.execute(LOAD, {"b_id": message_id}).one()
        past = connection.execute(HISTORY, {"b_sender": row.sender}).all()[::-1]
    instructions = prompt.render(strategy=row.fields, account="Maple Street Bike Works", now=datetime.now(UTC))
    said = [{"role": "user" if line.direction == "in" else "assistant", "content": line.text} for line in past]
    body = {"model": "bench", "instructions": instructions, "input": said, "tools": TOOLS, "store": False}
    document: Any = _client().post("/responses", cast_to=object, body=body)
    text = document["output"][0]["content"][0]["text"]
    with _engine().begin() as connection:
        connection.execute(INSERT, {"sender": row.sender, "direction": "out", "text": text}).scalar_one()
    send(os.environ["FLOOR_VENDOR_URL"], row.sender, text)
