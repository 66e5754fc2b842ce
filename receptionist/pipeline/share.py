"""Keeps one account's burst or hanging model from taking all threads of a process."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass

import sqlalchemy as sa

from receptionist.db import Database
from receptionist.models import Conversation, table

LARGEST_SHARE = 7 / 8
"""The part of the threads left over by others that one account may take, so that there is always one for a newcomer."""

REMEMBERED = 50_000

_conversations = table(Conversation)
_ACCOUNT = sa.select(_conversations.c.account_id).where(_conversations.c.id == sa.bindparam("b_conversation"))


@dataclass(frozen=True, slots=True)
class Work:
    """A thread's work on one conversation."""

    account_id: int
    conversation_id: int


class Share:
    """Counts the threads that each account uses, and parks conversations of those that have enough."""

    def __init__(self, database: Database, threads: int) -> None:
        self._database = database
        self._threads = threads
        self._lock = threading.Lock()
        self._accounts: OrderedDict[int, int] = OrderedDict()
        self._used: Counter[int] = Counter()
        self._parked: OrderedDict[int, deque[int]] = OrderedDict()

    def account_of(self, conversation_id: int) -> int:
        """Whose conversation it is, which never changes; costs a query the first time. 0 if there is none."""
        with self._lock:
            known = self._accounts.get(conversation_id)
        if known is not None:
            return known
        with self._database.read(once=True) as connection:
            account_id = connection.execute(_ACCOUNT, {"b_conversation": conversation_id}).scalar() or 0
        with self._lock:
            self._accounts[conversation_id] = account_id
            while len(self._accounts) > REMEMBERED:
                self._accounts.popitem(last=False)
        return account_id

    def enter(self, account_id: int, conversation_id: int) -> Work | None:
        """Begin work on a conversation; None if it was parked for one of the account's threads."""
        with self._lock:
            if self._may_begin(account_id):
                self._used[account_id] += 1
                return Work(account_id, conversation_id)
            waiting = self._parked.setdefault(account_id, deque())
            if conversation_id not in waiting:
                waiting.append(conversation_id)
            return None

    def leave(self, work: Work, *, go_on: bool) -> Work | None:
        """Work is over; returns a parked conversation, of any account, to go on with. With `go_on=False`, nothing
        more is begun."""
        with self._lock:
            self._used[work.account_id] -= 1
            if not self._used[work.account_id]:
                del self._used[work.account_id]
            return self._next() if go_on else None

    def _may_begin(self, account_id: int) -> bool:
        own = self._used[account_id]
        others = self._used.total() - own
        return own < max(1, int((self._threads - others) * LARGEST_SHARE))

    def _next(self) -> Work | None:
        """The next parked conversation, accounts taking turns."""
        for account_id in list(self._parked):
            if self._may_begin(account_id):
                waiting = self._parked.pop(account_id)
                work = Work(account_id, waiting.popleft())
                if waiting:
                    self._parked[account_id] = waiting  # at the end of the line
                self._used[account_id] += 1
                return work
        return None
