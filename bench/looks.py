"""Every list and look-up that persons, commands and the pipeline make in one account, by name.

`bench.list_times` measures them over many leads and messages; a list is asked for its first page, pages far down, and
its last one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import sqlalchemy as sa

from receptionist import Sender
from receptionist.db import Scope
from receptionist.models import Conversation, Lead, Message, Strategy, Task, Turn
from receptionist.pipeline import sweeper
from receptionist.services import accounts, limits, lines, prices
from receptionist.services.conversations import conversations, messages, sessions, tasks, turns
from receptionist.services.leads import (
    consent,
    erasure,
    lead_addresses,
    lead_fields,
    lead_merge,
    lead_search,
    lead_status,
    lead_tags,
    leads,
)
from receptionist.services.strategies import strategies, strategy_versions
from receptionist.services.strategies.next_turn import next_turn

Look = Callable[[Scope], Any]
Looks = Iterator[tuple[str, Look]]
NOBODY = "+15550000000"


def all_looks(scope: Scope) -> dict[str, Look]:
    """What is looked up, for somebody in the middle of the list."""
    somebody = scope.first(
        scope.select(Lead).where(Lead.phone.is_not(None)).order_by(Lead.id).offset(_half(scope, Lead))
    )
    assert somebody is not None
    parts = (_lists_of_leads(scope, somebody), _of_lead(somebody), _of_conversations(scope, somebody))
    return dict(look for part in (*parts, _of_turns(scope), _of_tasks(scope), _of_account(scope)) for look in part)


def _half(scope: Scope, kind: Any) -> int:
    row = scope.first(scope.select(kind, sa.func.count().label("number")))
    return int(row.number) // 4 if row is not None else 0  # not all have a phone number


def _middle(scope: Scope, kind: Any, *conditions: sa.ColumnElement[bool]) -> Any:
    """The id in the middle of those of this kind."""
    ends = sa.func.min(kind.id).label("first"), sa.func.max(kind.id).label("last")
    row = scope.first(scope.select(kind, *ends).where(*conditions))
    assert row is not None and row.first is not None, f"bench.fill stored no {kind.__name__} {conditions}"
    return (row.first + row.last) // 2


def _pages(name: str, listed: Callable[..., Any], middle: Any, last: Any, **filters: Any) -> Looks:
    """A list's first page, one in the middle and the last one."""
    for where, before in (("", None), (", far down", middle), (", the last page", last)):
        yield name + where, partial(listed, before=before, **filters)


def _lists_of_leads(scope: Scope, somebody: Any) -> Looks:
    middle, last = _leads_from(scope, somebody), _leads_from(scope, _oldest_but(scope, lead_search.PAGE))
    yield from _pages("leads by recent contact", lead_search.listed, middle, last)
    yield from _pages("leads of a status", lead_search.listed, middle, last, status="lost", limit=lead_search.MOST)
    yield from _pages("leads with a tag", lead_search.listed, middle, last, tag="warranty")
    yield from _pages("leads of a channel", lead_search.listed, middle, last, channel="bench")
    yield from _pages("leads, search: a frequent word", lead_search.listed, middle, last, text="liam")
    yield from _pages("leads not opted out", lead_search.listed, middle, last, opted_out=False)
    strategy = scope.first(scope.select(Strategy))
    assert strategy is not None
    for name, filters in {
        "with a tag and a status": {"tag": "student", "status": "lost"},
        "with a tag that nobody has": {"tag": "nobody has this tag"},
        "with a strategy of their own": {"strategy_id": strategy.id},
        "opted out": {"opted_out": True},
        "search: one letter": {"text": "a"},
        "search: two words": {"text": "liam murphy"},
        "search: two frequent beginnings": {"text": "ma s"},
        "search: nobody": {"text": "nobodyhasthisname"},
        "search: e-mail": {"text": somebody.email or "ana@example.com"},
        "search: phone": {"text": somebody.phone},
        "search: the last digits of a phone": {"text": somebody.phone[-4:]},
        "search: word, tag and status": {"text": "m", "tag": "rental", "status": "customer"},
        "search: all filters": {"text": "m", "tag": "rental", "status": "new", "channel": "bench", "opted_out": False},
    }.items():
        yield f"leads {name}", partial(_found, filters=filters)


def _found(scope: Scope, filters: dict[str, Any]) -> object:
    return lead_search.listed(scope, **filters)


def _leads_from(scope: Scope, row: Any) -> str:
    return lead_search._written((row.recent_at, row.id))


def _oldest_but(scope: Scope, count: int) -> Any:
    row = scope.first(scope.select(Lead).order_by(Lead.recent_at, Lead.id).offset(count))
    assert row is not None
    return row


def _of_lead(somebody: Any) -> Looks:
    yield "lead by id", lambda scope: leads.get(scope, somebody.id)
    yield "lead by phone", lambda scope: lead_addresses.holder(scope, "phone", somebody.phone)
    yield "lead by a proved phone or e-mail", lambda scope: leads.owner_of(scope, email=None, phone=somebody.phone)
    yield "a lead's tags", lambda scope: lead_tags.of(scope, somebody.id)
    yield "a lead's addresses", lambda scope: lead_addresses.of(scope, somebody.id)
    yield "a lead's consents", lambda scope: consent.known(scope, somebody.id)
    yield "a lead's status history", lambda scope: lead_status.history(scope, somebody.id)
    yield "a lead's merges", lambda scope: lead_merge.of(scope, somebody.id)
    yield "a lead's conversations", lambda scope: conversations.listed(scope, lead_id=somebody.id)
    yield "a lead's next turn", lambda scope: next_turn(scope, somebody.id, None)
    yield "tags in use", lambda scope: lead_tags.used(scope)
    yield "tags in use, next page", lambda scope: lead_tags.used(scope, after="regular")
    yield "fields of one's own", lambda scope: lead_fields.listed(scope)
    yield from _pages("leads that may be one person", lead_merge.suggested, 10**9, 2)
    yield from _pages("receipts of erasures", erasure.listed, 10**9, 2)


def _of_conversations(scope: Scope, somebody: Any) -> Looks:
    row = scope.first(scope.select(Conversation).where(Conversation.lead_id == somebody.id))
    assert row is not None
    middle = _middle(scope, Conversation)
    first = _first(scope, Conversation, conversations.PAGE)
    yield from _pages("conversations", conversations.listed, middle, first)
    yield from _pages("conversations that want a person", conversations.listed, middle, first, wants_person=True)
    yield from _pages("archived conversations", conversations.listed, middle, first, archived=True)
    yield from _pages("conversations of a phone number", conversations.listed, middle, first, phone=somebody.phone)
    yield "conversations of nobody's number", lambda scope: conversations.listed(scope, phone=NOBODY)
    yield "conversation by id", lambda scope: conversations.find(scope, row.id)
    yield "messages of a conversation", lambda scope: conversations.messages(scope, row.id)
    yield "session of a conversation", lambda scope: sessions.load(scope, row.id)
    yield "conversations that nobody works on", lambda scope: sweeper.overdue(scope.connection)
    trouble = _middle(scope, Message, messages.TROUBLE)
    yield from _pages("failed messages", messages.in_trouble, trouble, trouble // 50)
    yield "message by id", lambda scope: messages.find(scope, trouble // 2)


def _first(scope: Scope, kind: Any, count: int) -> int:
    """An id with so many before it."""
    row = scope.first(scope.select(kind, kind.id).order_by(kind.id).offset(count))
    assert row is not None
    return int(row.id)


def _of_turns(scope: Scope) -> Looks:
    middle, first = _middle(scope, Turn), _first(scope, Turn, turns.PAGE)
    row = scope.first(scope.select(Turn).where(Turn.id >= middle).order_by(Turn.id))
    assert row is not None
    yield from _pages("turns", turns.listed, middle, first)
    yield from _pages("turns of a conversation", turns.listed, middle, first, conversation_id=row.conversation_id)
    yield "turn by id", lambda scope: turns.find(scope, row.id)
    yield "messages of a turn", lambda scope: turns.messages(scope, row.id)
    yield "tool calls of a turn", lambda scope: turns.tool_calls(scope, row.id)


def _of_tasks(scope: Scope) -> Looks:
    middle, first = _middle(scope, Task), _first(scope, Task, tasks.PAGE)
    yield from _pages("open tasks", tasks.listed, middle, first)
    yield from _pages("done tasks", tasks.listed, middle, first, done=True)
    for kind in ("callback", "limit"):
        yield from _pages(f"open tasks, {kind}", tasks.listed, middle, first, kind=kind)
    yield from _pages("done tasks, limit", tasks.listed, middle, first, done=True, kind="limit")


def _of_account(scope: Scope) -> Looks:
    strategy = scope.first(scope.select(Strategy))
    assert strategy is not None
    days = limits.last_days(accounts.timezone(scope), 30)
    yield "accounts", lambda scope: accounts.listed(scope.connection)
    yield "lines", lambda scope: lines.listed(scope)
    yield "limits", lambda scope: limits.read(scope)
    yield "usage by day, 30 days", lambda scope: limits.usage(scope, days=days)
    yield "usage by line, 30 days", lambda scope: limits.usage_of_lines(scope, days=days)
    yield "usage by lead, this month", lambda scope: limits.usage_of_leads(scope, month=days[0].replace(day=1))
    yield "prices", lambda scope: prices.listed(scope)
    yield "models without a price", lambda scope: prices.unpriced(scope)
    yield "strategies", lambda scope: strategies.listed(scope)
    yield "strategy by name", lambda scope: strategies.find(scope, strategy.name)
    yield "who has a strategy", lambda scope: strategies.users(scope, strategy.id)
    yield "published fields of a strategy", lambda scope: strategies.published_fields(scope, strategy.id)
    yield "versions of a strategy", lambda scope: strategy_versions.history(scope, strategy.id)
    yield "versions of a strategy, next page", lambda scope: strategy_versions.history(scope, strategy.id, before=1)


def of_customer(host: Any, line: Any, address: str) -> dict[str, Callable[[], object]]:
    """What a customer's browser asks for."""
    sender = Sender(address)
    return {
        "transcript": lambda: host.transcript(line, sender),
        "transcript from a cursor": lambda: host.transcript(line, sender, after=5),
    }
