"""Lets go of what nobody looks at any more: traces of old turns, and old days and months of usage."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime, timedelta
from itertools import takewhile

import sqlalchemy as sa
import structlog

from receptionist.db import Database, db_now
from receptionist.models import Account, Turn, UsageDay, UsageMonth

USAGE_DAYS = 400
"""Days of usage that are kept, and the months that they are in: a year, and the month to compare it with."""
LOOK_SECONDS = 3600.0
FIRST_SECONDS = 60.0
"""How long after the start is looked first: who starts has better things to do."""
BATCH = 500
"""Turns looked at, or days and months deleted, together."""
BREATH_SECONDS = 0.1
"""Pause after each batch, in which others may write."""

log = structlog.get_logger()


class Retention:
    """One thread per process that answers; several at once do no harm."""

    def __init__(self, database: Database, trace_days: int) -> None:
        self._database, self._trace_days = database, trace_days
        self._looked_at = 0
        """The last turn whose trace is gone, with those of all before it."""
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        """Look soon, and from then on every hour."""
        self._thread.start()

    def stop(self) -> None:
        """Begin no further batch."""
        self._stopped.set()

    def forget_old(self) -> None:
        """Drop all that is too old, batch by batch. Raises `Unavailable`; what was committed is gone."""
        while not self._stopped.is_set() and self._drop_traces():
            self._stopped.wait(BREATH_SECONDS)
        with self._database.read(once=True) as connection:
            account_ids = list(connection.execute(sa.select(Account.id).order_by(Account.id)).scalars())
        last = datetime.now(UTC).date() - timedelta(days=USAGE_DAYS)
        for account_id in account_ids:
            for kind, is_old in (
                (UsageDay, UsageDay.day < last),
                (UsageMonth, UsageMonth.month < last.replace(day=1)),
            ):
                while not self._stopped.is_set() and self._delete(kind, account_id, is_old):
                    self._stopped.wait(BREATH_SECONDS)

    def _run(self) -> None:
        pause = FIRST_SECONDS
        while not self._stopped.wait(pause * random.uniform(0.8, 1.0)):  # noqa: S311 - spreads processes out
            try:
                self.forget_old()
            except Exception:  # whatever the database does: this thread must go on
                log.exception("retention_failed")
            pause = LOOK_SECONDS

    def _drop_traces(self) -> bool:
        """Go on by one batch; False if there are no older turns. By ids, in whose order turns begin: no index by time
        is needed."""
        is_old = sa.case((Turn.started_at < db_now(-86_400.0 * self._trace_days), True), else_=False)
        has_trace = sa.case((Turn.trace.is_not(None), True), else_=False)
        statement = sa.select(Turn.id, is_old.label("is_old"), has_trace.label("has_trace"))
        with self._database.read(once=True) as connection:
            rows = connection.execute(statement.where(Turn.id > self._looked_at).order_by(Turn.id).limit(BATCH)).all()
        old = list(takewhile(lambda row: row.is_old, rows))
        if ids := [row.id for row in old if row.has_trace]:
            with self._database.begin() as connection:
                connection.execute(sa.update(Turn).where(Turn.id.in_(ids)).values(trace=sa.null()))
        if old:
            self._looked_at = old[-1].id
        return len(old) == BATCH

    def _delete(self, kind: type[UsageDay | UsageMonth], account_id: int, is_old: sa.ColumnElement[bool]) -> bool:
        """Delete one batch of an account's; False if that were all."""
        own = sa.select(kind.id).where(kind.account_id == account_id, is_old).limit(BATCH)
        with self._database.read(once=True) as connection:
            ids = list(connection.execute(own).scalars())
        if ids:
            with self._database.begin() as connection:
                connection.execute(sa.delete(kind).where(kind.id.in_(ids)))
        return len(ids) == BATCH
