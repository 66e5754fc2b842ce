"""Erases leads: the rows at once, then what is outside the database, again and again until nothing is left."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
import structlog

from receptionist.contracts.events import LeadErased
from receptionist.db import AnyRow, Scope, db_now
from receptionist.errors import MISTAKES, Unavailable
from receptionist.models import ErasedMessage, Erasure
from receptionist.parts import Parts
from receptionist.services.leads import erasure
from receptionist.services.leads.erasure import REMEMBERED_SECONDS, Receipt

LOOK_SECONDS = 15.0
CLAIMED_SECONDS = 120.0
"""How long one process has an erasure for itself, before another one tries."""
LONGEST_PAUSE = 3600.0
MAX_CONFLICTS = 5

log = structlog.get_logger()


class Eraser:
    """One thread per process that answers; `erase` may be called anywhere."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="eraser", daemon=True)

    def start(self) -> None:
        """Finish what dead processes or absent vendors left, and from then on regularly."""
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing more; a vendor that is being asked has its own deadline and is not waited for."""
        self._stopped.set()

    def erase(self, account_id: int, lead_id: int, by: str) -> Receipt:
        """Erase a lead and try at once to delete what is outside the database.

        The rows are gone when this returns; `Receipt.left` says what is not. Raises `LeadError`, or `Unavailable`:
        nothing was erased."""
        receipt = self._delete_rows(account_id, lead_id, by)
        try:
            self._finish(receipt.id)
            with self._parts.database.read(once=True) as connection:
                return erasure.find(Scope(connection, account_id), receipt.id)
        except Unavailable:  # the rows are gone; the sweep does the rest
            return receipt

    def finish_due(self) -> None:
        """Go on with all erasures that are due."""
        with self._parts.database.read(once=True) as connection:
            due = sa.select(Erasure.id).where(Erasure.done_at.is_(None), Erasure.due_at <= db_now())
            found = list(connection.execute(due.order_by(Erasure.id).limit(100)).scalars())
        for erasure_id in found:
            self._finish(erasure_id)

    def _delete_rows(self, account_id: int, lead_id: int, by: str) -> Receipt:
        for conflict in range(MAX_CONFLICTS):
            try:
                with self._parts.database.begin(durable=True) as connection:
                    return erasure.erase(Scope(connection, account_id), self._parts.forgotten, lead_id, by)
            except Unavailable:  # the customer writes just now, or PostgreSQL undid one of two that deadlocked
                if conflict == MAX_CONFLICTS - 1:
                    raise
        raise AssertionError("either returned or raised")

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self.finish_due()
            except MISTAKES:  # whatever the database does: this thread must go on
                log.exception("erasing_failed")
            self._stopped.wait(LOOK_SECONDS)

    def _finish(self, erasure_id: int) -> None:
        row = self._claim(erasure_id)
        if row is None:
            return
        left, errors = dict(row.left), []
        for step in (self._tell, self._delete_files, self._forget_memories, self._scrub):
            try:
                step(row, left)
            except MISTAKES as error:  # whatever a plugin does: the other steps go on, and this one is tried again
                log.warning("erasure_not_finished", erasure=erasure_id, error=type(error).__name__)
                errors.append(f"{type(error).__name__}: {error}")
        self._note(row, left, "; ".join(errors)[:1000] or None)

    def _claim(self, erasure_id: int) -> AnyRow | None:
        """The erasure, if it is due and nobody else is at it."""
        statement = (
            sa.update(Erasure)
            .where(Erasure.id == erasure_id, Erasure.done_at.is_(None), Erasure.due_at <= db_now())
            .values(due_at=db_now(CLAIMED_SECONDS), tries=Erasure.tries + 1)
            .returning(Erasure.id, Erasure.account_id, Erasure.lead_id, Erasure.left, Erasure.tries)
        )
        with self._parts.database.begin() as connection:
            row: AnyRow | None = connection.execute(statement).first()
            return row

    def _note(self, row: AnyRow, left: dict[str, Any], error: str | None) -> None:
        """Write what is left; drops hashes of messages that no vendor hands over again."""
        pause = min(15.0 * 2.0 ** min(row.tries, 20), LONGEST_PAUSE)
        done = {"done_at": db_now()} if not any(left.values()) else {"due_at": db_now(pause)}
        with self._parts.database.begin() as connection:
            connection.execute(sa.update(Erasure).where(Erasure.id == row.id).values(left=left, error=error, **done))
            connection.execute(sa.delete(ErasedMessage).where(ErasedMessage.created_at < db_now(-REMEMBERED_SECONDS)))

    def _tell(self, row: AnyRow, left: dict[str, Any]) -> None:
        if left.get("event"):
            event = LeadErased(row.account_id, row.lead_id)
            self._parts.plugins.every("on_event", event=event, host=self._parts.host)
            left["event"] = False

    def _delete_files(self, row: AnyRow, left: dict[str, Any]) -> None:
        _work_off(left, "files", lambda key: self._parts.host.storage().delete(key))

    def _forget_memories(self, row: AnyRow, left: dict[str, Any]) -> None:
        _work_off(left, "memories", self._forget_memory)

    def _forget_memory(self, memory: dict[str, Any]) -> None:
        model = self._parts.models.get(memory["model"])
        if model is None:
            raise LookupError(f"there is no model {memory['model']}, which keeps a conversation; enable its plugin")
        model.forget(memory["ref"])

    def _scrub(self, row: AnyRow, left: dict[str, Any]) -> None:
        if left.get("database"):
            self._parts.database.scrub()
            left["database"] = False


def _work_off(left: dict[str, Any], name: str, delete: Callable[[Any], None]) -> None:
    """Delete one after the other; those that are gone are not tried again. Raises the last failure."""
    remaining, failure = [], None
    for each in left.get(name, ()):
        try:
            delete(each)
        except MISTAKES as error:  # a storage's or vendor's trouble with one of them: the others go on
            remaining.append(each)
            failure = error
    left[name] = remaining
    if failure is not None:
        raise failure
