"""A queue of conversations in which accounts take turns, so that one account's many do not keep others waiting."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque


class FairQueue:
    """Conversations that wait, each once. Safe to use from any thread. `most`: how many of one account may wait."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._accounts: OrderedDict[int, deque[int]] = OrderedDict()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, account_id: int, conversation_id: int) -> bool:
        """False if it waits already, or enough of its account do."""
        with self._changed:
            waiting = self._accounts.get(account_id, deque())
            if self._closed or len(waiting) >= self._most or conversation_id in waiting:
                return False
            waiting.append(conversation_id)
            self._accounts[account_id] = waiting
            self._changed.notify()
            return True

    def get(self) -> tuple[int, int] | None:
        """Wait for account and conversation that are next; None once the queue is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._accounts)
            if self._closed:
                return None
            account_id, waiting = self._accounts.popitem(last=False)
            conversation_id = waiting.popleft()
            if waiting:
                self._accounts[account_id] = waiting  # at the end of the line
            return account_id, conversation_id

    def close(self) -> None:
        """Hand out nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
