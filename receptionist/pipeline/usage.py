"""What leads, lines and accounts used today: counted here at once, written to the database once a second.

Within one process a limit on turns is exact, for a turn is reserved before it begins. Other processes learn of it at
their next flush. What a killed process had not written yet, a second's worth, is lost: the turns themselves are the
record of what happened, this is what limits are judged by.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog
from sqlalchemy.exc import IntegrityError

from receptionist.contracts.limits import DayLimits
from receptionist.db import Database
from receptionist.errors import Unavailable
from receptionist.pipeline.usage_rows import NOTHING, Amount, Key, UsageRows, totals_of

FLUSH_SECONDS = 1.0
STOP_SECONDS = 2.0
REMEMBERED = 50_000
"""Subjects that are remembered; of a forgotten one the total is read again."""
WATCHED_SECONDS = 300.0
"""So long after it was asked for, the total of an account or a line is read again with every flush, because other
processes use it too. A lead's is not: it comes back with each turn of its own."""

log = structlog.get_logger()


@dataclass(slots=True)
class _Entry:
    """One subject's day: the total in the database as last seen, and what is not in it yet."""

    total: Amount | None = None
    """None: nobody looked yet."""
    fresh: Amount = NOTHING
    flying: Amount = NOTHING
    """What a flush that runs is about to add."""
    reserved: int = 0

    @property
    def used(self) -> Amount:
        return (self.total or NOTHING).plus(self.fresh).plus(self.flying).plus(Amount(self.reserved))

    @property
    def idle(self) -> bool:
        return not self.reserved and self.fresh == NOTHING and self.flying == NOTHING


class Subject(NamedTuple):
    """Somebody whose usage counts, and may be limited. `new`: it never wrote before, so that its total is nothing and
    need not be looked up."""

    key: Key
    limits: DayLimits
    new: bool = False


class Reached(NamedTuple):
    """Who may not go on today, and which limit it is, in words."""

    key: Key
    limit: str


@dataclass(slots=True)
class Reservation:
    """A turn that has begun; `settle` it with what it used, or `cancel` it. Either counts only once."""

    _book: UsageBook
    _keys: Sequence[Key]
    _open: bool = field(default=True)

    def settle(self, tokens: int, cost: int) -> None:
        """The turn is over and counts; `cost` in millionths of a US dollar."""
        self._close(Amount(1, tokens, cost))

    def cancel(self) -> None:
        """The turn does not count; nothing happens if it was settled."""
        self._close(NOTHING)

    def _close(self, amount: Amount) -> None:
        if self._open:
            self._open = False
            self._book.close(self._keys, amount)


class UsageBook:
    """One per process that answers. Safe to use from any thread; works without `start`, then `flush` is called."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows = UsageRows(database.is_sqlite)
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._unwritten: set[Key] = set()
        self._watched: dict[Key, float] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="usage", daemon=True)

    def start(self) -> None:
        """Write once a second from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Write what there is, and stop; a database that is away is not waited for long."""
        self._stopped.set()
        self._thread.join(STOP_SECONDS)

    def reserve(self, subjects: Sequence[Subject]) -> Reservation | Reached:
        """Begin a turn that counts for all of these, unless one of them has reached a limit.

        Looks up the totals of limited subjects that were not seen today; raises `Unavailable` if it cannot."""
        self._learn([subject.key for subject in subjects if subject.limits.any and not subject.new])
        with self._lock:
            entries = [self._entry(subject.key) for subject in subjects]
            for subject, entry in zip(subjects, entries, strict=True):
                self._watch(subject, entry)
                if limit := subject.limits.reached(*entry.used):
                    return Reached(subject.key, limit)
            for entry in entries:
                entry.reserved += 1
        return Reservation(self, [subject.key for subject in subjects])

    def close(self, keys: Iterable[Key], amount: Amount) -> None:
        """A reserved turn is over, and used this much."""
        self._add_fresh(keys, amount, reserved=-1)

    def add(self, keys: Iterable[Key], amount: Amount) -> None:
        """Something besides a turn used this much."""
        self._add_fresh(keys, amount, reserved=0)

    def _add_fresh(self, keys: Iterable[Key], amount: Amount, reserved: int) -> None:
        with self._lock:
            for key in keys:
                entry = self._entry(key)
                entry.reserved += reserved
                entry.fresh = entry.fresh.plus(amount)
                if entry.fresh != NOTHING:
                    self._unwritten.add(key)

    def flush(self) -> None:
        """Write what was used since the last time, and read what others used; a read that fails is no news.

        Raises `Unavailable` if it cannot be written; nothing is lost then."""
        with self._flushing:
            flying, watched = self._take_off()
            left = dict(flying)
            try:
                for written, totals in self._write(flying):
                    self._land(written, totals)
                    left = {key: amount for key, amount in left.items() if key not in written}
            except BaseException:
                self._take_back(left)
                raise
            with suppress(Unavailable):
                self._land({}, self._read(watched))

    def _run(self) -> None:
        while True:
            stopped = self._stopped.wait(FLUSH_SECONDS)
            try:
                self.flush()
            except Exception:  # whatever the database does: tried again in a second
                log.warning("usage_not_written", exc_info=True)
            if stopped:
                return

    def _entry(self, key: Key) -> _Entry:
        """The entry, made if need be; the oldest ones with nothing to write are forgotten for it."""
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry()
            while len(self._entries) > REMEMBERED and next(iter(self._entries.values())).idle:
                self._entries.popitem(last=False)
        self._entries.move_to_end(key)
        return entry

    def _watch(self, subject: Subject, entry: _Entry) -> None:
        if subject.new and entry.total is None:
            entry.total = NOTHING
        if subject.key.kind != "lead" and subject.limits.any:
            self._watched[subject.key] = time.monotonic()

    def _learn(self, keys: Sequence[Key]) -> None:
        with self._lock:
            missing = [key for key in keys if self._entry(key).total is None]
        if not missing:
            return
        with self._database.read(once=True) as connection:
            totals = totals_of(connection, missing)
        with self._lock:
            for key in missing:
                entry = self._entry(key)
                if entry.total is None:  # a flush may have been quicker, and knows more
                    entry.total = totals.get(key, NOTHING)

    def _take_off(self) -> tuple[dict[Key, Amount], list[Key]]:
        """What is to be written, and which totals are to be read besides."""
        since = time.monotonic() - WATCHED_SECONDS
        with self._lock:
            flying = {}
            for key in self._unwritten:
                entry = self._entries[key]
                entry.flying, entry.fresh = entry.fresh, NOTHING
                flying[key] = entry.flying
            self._unwritten.clear()
            self._watched = {key: asked_at for key, asked_at in self._watched.items() if asked_at > since}
            return flying, [key for key in self._watched if key not in flying]

    def _write(self, flying: Mapping[Key, Amount]) -> Iterator[tuple[Mapping[Key, Amount], Mapping[Key, Amount]]]:
        """Write all together, or account by account where one of them is gone; yields what was dealt with, and the
        totals it has now."""
        if not flying:
            return
        try:
            totals = self._store(flying)
        except IntegrityError:
            yield from self._write_apart(flying)
        else:
            yield flying, totals

    def _write_apart(self, flying: Mapping[Key, Amount]) -> Iterator[tuple[Mapping[Key, Amount], Mapping[Key, Amount]]]:
        for account_id in sorted({key.account_id for key in flying}):
            own = {key: amount for key, amount in flying.items() if key.account_id == account_id}
            try:
                totals = self._store(own)
            except IntegrityError:
                log.warning("usage_of_a_gone_account", account=account_id)
                totals = {}
            yield own, totals

    def _store(self, amounts: Mapping[Key, Amount]) -> dict[Key, Amount]:
        """In one transaction. Raises `IntegrityError` if the account of one of them is gone."""
        with self._database.begin() as connection:
            return self._rows.add(connection, amounts)

    def _read(self, watched: Sequence[Key]) -> dict[Key, Amount]:
        if not watched:
            return {}
        with self._database.read(once=True) as connection:
            return totals_of(connection, watched)

    def _land(self, flying: Iterable[Key], totals: Mapping[Key, Amount]) -> None:
        """It is dealt with, and these are the totals now."""
        with self._lock:
            for key in flying:
                self._entry(key).flying = NOTHING
            for key, total in totals.items():
                self._entry(key).total = total

    def _take_back(self, flying: Mapping[Key, Amount]) -> None:
        """It was not written: to be written with the next flush."""
        with self._lock:
            for key, amount in flying.items():
                entry = self._entry(key)
                entry.flying, entry.fresh = NOTHING, entry.fresh.plus(amount)
                self._unwritten.add(key)
