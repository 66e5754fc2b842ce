"""The rows of the large demo: leads with all that belongs to them, stored in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from receptionist import bulk
from receptionist.models import (
    Conversation,
    Identity,
    Lead,
    LeadTag,
    LeadWord,
    Message,
    StatusChange,
    Turn,
    table,
)
from receptionist.services.demo.demo_people import TALKS, Person, person
from receptionist.services.leads import lead_words

LONG = 12
"""Messages from which on the older half is in a conversation that was archived."""

LEAD = (
    "id",
    "account_id",
    "name",
    "email",
    "phone",
    "company",
    "status",
    "language",
    "created_at",
    "updated_at",
    "recent_at",
)
CONVERSATION = (
    "id",
    "account_id",
    "lead_id",
    "line_id",
    "address",
    "state",
    "next_seq",
    "created_at",
    "last_message_at",
    "archived_at",
    "archived_by",
    "archived_from_strategy_id",
    "person_requested_at",
    "person_reason",
)
TURN = (
    "id",
    "account_id",
    "conversation_id",
    "state",
    "model",
    "input_tokens",
    "output_tokens",
    "started_at",
    "seconds",
)
MESSAGE = (
    "account_id",
    "conversation_id",
    "lead_id",
    "line_id",
    "seq",
    "direction",
    "address",
    "author",
    "text",
    "state",
    "provider_message_id",
    "turn_id",
    "part",
    "attempts",
    "error",
    "code",
    "created_at",
    "sent_at",
)


@dataclass(frozen=True, slots=True)
class Town:
    """Where the demo's people write to. `kind` is that of their addresses' identities."""

    account_id: int
    line_id: int
    kind: str
    strategy_id: int

    def address(self, number: int | str) -> str:
        """The address of the person of this number; what all begin with, for an empty one."""
        return f"visitor:demo-{number:07}" if isinstance(number, int) else f"visitor:demo-{number}"


@dataclass(frozen=True, slots=True)
class Batch:
    """People by number, and how many messages all before a number have."""

    numbers: range
    until: Callable[[int], int]


@dataclass(frozen=True, slots=True)
class _Talk:
    """One conversation of a lead: `count` messages, the first at `since`, the next ones `gap` apart."""

    id: int
    lead_id: int
    who: Person
    count: int
    since: datetime
    gap: timedelta
    archived: bool

    @property
    def last(self) -> datetime:
        return self.since + self.gap * max(0, self.count - 1)

    @property
    def wants_person(self) -> bool:
        return not self.archived and self.who.number % 100 == 7

    @property
    def failed(self) -> bool:
        """Whether its last reply could not be delivered."""
        return not self.archived and self.who.number % 500 == 3


def store(connection: sa.Connection, town: Town, batch: Batch) -> None:
    """Insert a batch; the database counts the contacts of each lead as it always does."""
    people = [person(number) for number in batch.numbers]
    ids = bulk.reserve(connection, table(Lead), len(people))
    talks = list(_talks(connection, batch, list(zip(ids, people, strict=True))))
    first = {talk.lead_id: talk.since for talk in reversed(talks)}
    _leads(connection, town, [(lead_id, who, first[lead_id]) for lead_id, who in zip(ids, people, strict=True)])
    bulk.insert(connection, table(Conversation), CONVERSATION, [_conversation(town, talk) for talk in talks])
    turns = iter(bulk.reserve(connection, table(Turn), sum(talk.count // 2 for talk in talks)))
    numbered = [(talk, [next(turns) for _ in range(talk.count // 2)]) for talk in talks]
    bulk.insert(connection, table(Turn), TURN, (row for talk, own in numbered for row in _turns(town, talk, own)))
    bulk.insert(
        connection, table(Message), MESSAGE, (row for talk, own in numbered for row in _messages(town, talk, own))
    )


def _talks(connection: sa.Connection, batch: Batch, people: list[tuple[int, Person]]) -> Iterator[_Talk]:
    counts = [batch.until(number + 1) - batch.until(number) for number in batch.numbers]
    ids = iter(bulk.reserve(connection, table(Conversation), sum(2 if count >= LONG else 1 for count in counts)))
    now = datetime.now(UTC)
    for (lead_id, who), count in zip(people, counts, strict=True):
        gap = timedelta(minutes=who.random.randrange(1, 300))
        end = now - timedelta(days=who.days_ago)
        older = count // 4 * 2 if count >= LONG else 0
        if older:
            since = end - gap * (count - 1)
            yield _Talk(next(ids), lead_id, who, older, since, gap, archived=True)
        newer = count - older
        yield _Talk(next(ids), lead_id, who, newer, end - gap * max(0, newer - 1), gap, archived=False)


def _leads(connection: sa.Connection, town: Town, people: list[tuple[int, Person, datetime]]) -> None:
    account = town.account_id
    bulk.insert(
        connection,
        table(Lead),
        LEAD,
        [
            (lead_id, account, who.name, who.email, who.phone, who.company, who.status, who.language, at, at, at)
            for lead_id, who, at in people
        ],
    )
    identities = [(account, lead_id, town.kind, town.address(who.number), at) for lead_id, who, at in people]
    bulk.insert(connection, table(Identity), ("account_id", "lead_id", "kind", "value", "created_at"), identities)
    tags = [(account, lead_id, tag) for lead_id, who, _ in people for tag in who.tags]
    bulk.insert(connection, table(LeadTag), ("account_id", "lead_id", "tag"), tags)
    words = [(account, lead_id, word) for lead_id, who, _ in people for word in _words(who)]
    bulk.insert(connection, table(LeadWord), ("account_id", "lead_id", "word"), words)
    changes = [(account, i, "new", who.status, "demo", at) for i, who, at in people if who.status != "new"]
    columns = ("account_id", "lead_id", "before", "after", "by", "created_at")
    bulk.insert(connection, table(StatusChange), columns, changes)


def _words(who: Person) -> list[str]:
    return lead_words.of(who.name, who.email, who.phone, who.company)


def _conversation(town: Town, talk: _Talk) -> tuple[Any, ...]:
    return (
        talk.id,
        town.account_id,
        talk.lead_id,
        town.line_id,
        town.address(talk.who.number),
        "archived" if talk.archived else "open",
        talk.count + 1,
        talk.since,
        talk.last,
        talk.last if talk.archived else None,
        "demo" if talk.archived else None,
        town.strategy_id if talk.archived else None,
        talk.last if talk.wants_person else None,
        "complaint: the brakes squeak since the last service" if talk.wants_person else None,
    )


def _turns(town: Town, talk: _Talk, ids: list[int]) -> Iterator[tuple[Any, ...]]:
    for number, turn_id in enumerate(ids):
        at = talk.since + talk.gap * (2 * number + 1)
        yield (turn_id, town.account_id, talk.id, "done", "demo", 900 + 40 * number, 25, at, 1.2)


def _messages(town: Town, talk: _Talk, turns: list[int]) -> Iterator[tuple[Any, ...]]:
    address, base = town.address(talk.who.number), talk.who.number * 7
    own = (town.account_id, talk.id, talk.lead_id, town.line_id)
    for index in range(talk.count):
        turn = turns[index // 2] if index // 2 < len(turns) else None
        at, text = talk.since + talk.gap * index, TALKS[(base + index // 2) % len(TALKS)][index % 2]
        if index % 2 == 0:
            state, name = "answered" if turn else "silent", f"demo-{talk.id}-{index}"
            yield (*own, index + 1, "in", address, "customer", text, state, name, turn, None, 0, None, None, at, None)
        elif talk.failed and index >= talk.count - 2:
            error = ("The number cannot be reached.", "30003")
            yield (*own, index + 1, "out", address, "agent", text, "failed", None, turn, 0, 1, *error, at, None)
        else:
            yield (*own, index + 1, "out", address, "agent", text, "sent", None, turn, 0, 1, None, None, at, at)
