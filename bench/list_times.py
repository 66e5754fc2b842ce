"""How long lists and look-ups take in a filled installation: `python -m bench.list_times`; prints JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa

from bench.apps import LINE
from receptionist import Sender
from receptionist.config import find_instance_path
from receptionist.core import assemble
from receptionist.db import Scope
from receptionist.models import Conversation, Identity, Lead, Line
from receptionist.parts import Parts
from receptionist.services.conversations import conversations, messages
from receptionist.services.leads import erasure, lead_addresses, lead_search, lead_status, lead_tags, leads

TIMES = 20
PAGES = 20
Look = Callable[[Scope], Any]


def looks(scope: Scope) -> Iterator[tuple[str, Look]]:
    """What persons and the pipeline look up, by name, for somebody in the middle of the list."""
    middle = scope.first(scope.select(Lead).where(Lead.phone.is_not(None)).order_by(Lead.id).offset(1000))
    assert middle is not None
    cursor = _far_down(scope)
    for name, filters in {
        "by recent contact": {},
        "far down": {"after": cursor},
        "of a status": {"status": "qualified"},
        "of a status, far down": {"status": "lost", "after": cursor, "limit": 200},
        "with a tag": {"tag": "warranty"},
        "with a tag and a status": {"tag": "student", "status": "lost"},
        "of a channel": {"channel": "bench"},
        "search: a frequent word": {"text": "liam"},
        "search: one letter": {"text": "a"},
        "search: two words": {"text": "liam murphy"},
        "search: two frequent beginnings": {"text": "ma s"},
        "search: nobody": {"text": "nobodyhasthisname"},
        "search: e-mail": {"text": middle.email or "ana@example.com"},
        "search: phone": {"text": middle.phone},
        "search: word, tag and status": {"text": "m", "tag": "rental", "status": "customer"},
        "opted out": {"opted_out": True},
    }.items():
        yield f"leads {name}", lambda scope, filters=filters: lead_search.listed(scope, **filters)
    yield "lead by id", lambda scope: leads.get(scope, middle.id)
    yield "lead by phone", lambda scope: lead_addresses.holder(scope, "phone", middle.phone)
    yield "status history", lambda scope: lead_status.history(scope, middle.id)
    yield "tags in use", lambda scope: lead_tags.used(scope)
    yield "receipts of erasures", lambda scope: erasure.listed(scope)
    yield from _of_conversations(scope, middle)


def _far_down(scope: Scope) -> str | None:
    """Where a page begins after thousands of leads."""
    cursor = None
    for _ in range(PAGES):
        cursor = lead_search.listed(scope, after=cursor, limit=lead_search.MOST).after or cursor
    return cursor


def _of_conversations(scope: Scope, lead: Any) -> Iterator[tuple[str, Look]]:
    row = scope.first(scope.select(Conversation).where(Conversation.lead_id == lead.id))
    assert row is not None
    yield "conversations", lambda scope: conversations.listed(scope)
    yield "conversations far down", lambda scope: conversations.listed(scope, before=row.id)
    yield "conversations that want a person", lambda scope: conversations.listed(scope, wants_person=True)
    yield (
        "conversations that want a person, far down",
        lambda scope: conversations.listed(scope, wants_person=True, before=row.id),
    )
    yield "conversations of a phone number", lambda scope: conversations.listed(scope, phone=lead.phone)
    yield "conversations of nobody's number", lambda scope: conversations.listed(scope, phone="+15550000000")
    yield "conversation by id", lambda scope: conversations.find(scope, row.id)
    yield "messages of a conversation", lambda scope: conversations.messages(scope, row.id)
    yield "failed messages", lambda scope: messages.in_trouble(scope)
    yield "failed messages far down", lambda scope: messages.in_trouble(scope, before=1000)


def measure(parts: Parts) -> dict[str, float]:
    """Milliseconds of each look, that nine of ten stay below."""
    with parts.database.read() as connection:
        line = connection.execute(sa.select(Line).where(Line.key == LINE)).one()
        scope = Scope(connection, line.account_id)
        found = dict(looks(scope))
        writer = scope.first(scope.select(Identity, Identity.value).order_by(Identity.id).offset(500))
    assert writer is not None
    times = {name: _times(parts, line.account_id, look) for name, look in found.items()}
    sender, open_line = Sender(writer.value), parts.host.line(line.channel, line.key)
    times["transcript"] = _percentile(lambda: parts.host.transcript(open_line, sender))
    times["transcript from a cursor"] = _percentile(lambda: parts.host.transcript(open_line, sender, after=5))
    return times


def _times(parts: Parts, account_id: int, look: Look) -> float:
    def once() -> None:
        with parts.database.read() as connection:
            look(Scope(connection, account_id))

    return _percentile(once)


def _percentile(once: Callable[[], object]) -> float:
    once()
    took = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        once()
        took.append(1000 * (time.perf_counter() - begun))
    return sorted(took)[int(0.9 * TIMES)]


def main() -> None:
    """Print them."""
    parts, _ = assemble(find_instance_path())
    json.dump(measure(parts), sys.stdout)
    parts.database.dispose()


if __name__ == "__main__":
    main()
