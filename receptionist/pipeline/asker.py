"""Asks vendors for messages whose webhook never reached us, at the start and every few minutes."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from receptionist.contracts.channel import Line
from receptionist.db import AnyRow, Scope, db_now
from receptionist.errors import MISTAKES
from receptionist.models import Account
from receptionist.models import Line as LineRow
from receptionist.parts import Parts
from receptionist.pipeline.intake import Stale

EVERY_SECONDS = 180.0
"""How often each line's vendor is asked; by one process, whichever comes first."""
LOOK_SECONDS = 15.0
OVERLAP = timedelta(minutes=10)
"""Vendors list a message some time after it came; what is there already is passed over."""
OLDEST = timedelta(hours=24)
"""What is older gets no late answer: after a long pause nobody waits for one."""

log = structlog.get_logger()


class Asker:
    """One thread per process that answers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="asker", daemon=True)

    def start(self) -> None:
        """Ask at once, for what came in while nobody was there, and from then on regularly."""
        if any(channel.can_be_asked for channel in self._parts.channels.values()):
            self._thread.start()

    def stop(self) -> None:
        """Ask no more; a vendor that is being asked has its own deadline and is not waited for."""
        self._stopped.set()

    def ask(self) -> None:
        """Ask the vendors of all lines that are due."""
        for row in self._due():
            line = self._line(row)
            if line is not None:
                self._ask(line, row.asked_at, row.now)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self.ask()
            except MISTAKES:  # whatever the database does: this thread must go on
                log.exception("asking_failed")
            self._stopped.wait(LOOK_SECONDS)

    def _due(self) -> list[AnyRow]:
        """Lines that nobody asked about lately, claimed for this process."""
        names = [name for name, channel in self._parts.channels.items() if channel.can_be_asked]
        due = sa.or_(LineRow.ask_due_at.is_(None), LineRow.ask_due_at <= db_now())
        with self._parts.database.read(once=True) as connection:
            statement = sa.select(LineRow.id).where(LineRow.active, LineRow.channel.in_(names), due)
            found = list(connection.execute(statement).scalars())
        return [row for line_id in found if (row := self._claim(line_id, due)) is not None]

    def _claim(self, line_id: int, due: sa.ColumnElement[bool]) -> AnyRow | None:
        revision = sa.select(Account.revision).where(Account.id == LineRow.account_id).scalar_subquery()
        columns = (LineRow.id, LineRow.account_id, LineRow.asked_at, revision.label("revision"), db_now().label("now"))
        statement = (
            sa.update(LineRow)
            .where(LineRow.id == line_id, due)
            .values(ask_due_at=db_now(EVERY_SECONDS))
            .returning(*columns)
        )
        with self._parts.database.begin() as connection:
            row: AnyRow | None = connection.execute(statement).first()
            return row

    def _line(self, row: AnyRow) -> Line | None:
        return self._parts.directory.office(row.account_id, row.revision).lines.get(row.id)

    def _ask(self, line: Line, asked_at: datetime | None, now: datetime) -> None:
        since = max(asked_at - OVERLAP, now - OLDEST) if asked_at else now - OVERLAP
        channel = self._parts.channels[line.channel]
        try:
            messages = channel.missed(line, since)
            taken = self._parts.take_in(line, messages)
        except Stale:
            return  # the line was changed just now; asked again soon
        except MISTAKES as error:  # a vendor that is away, or a channel's bug: asked again later
            log.warning(
                "vendor_not_asked", line=line.id, channel=line.channel, error=f"{type(error).__name__}: {error}"
            )
            return
        if new := sum(not row.duplicate for row in taken):
            log.warning("missed_messages_taken_in", line=line.id, messages=new)
        with self._parts.database.begin() as connection:
            scope = Scope(connection, line.account_id)
            scope.run(scope.update(LineRow).where(LineRow.id == line.id).values(asked_at=now))
