"""Which of a customer's words on consent is the latest: one may reach us long after a newer one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from receptionist.db import Scope, db_now

UNSURE = timedelta(seconds=20)
"""Of two words nearer to each other nobody knows which came first: the vendor's clock and the database's may be some
seconds off, and a webhook may come 15 seconds after the message (the time in which Twilio repeats one)."""

_NOW = sa.select(db_now())


@dataclass(frozen=True, slots=True)
class Said:
    """When a customer sent a word on consent. `at` is None if that is not known; for one that is not `late`, it is now.

    `late`: it may have been overtaken, by a word that was sent after it and is known already."""

    at: datetime | None = None
    late: bool = False

    @property
    def known_at(self) -> datetime | sa.ColumnElement[datetime]:
        """The time to keep for it: when it was sent, else the database's time."""
        return db_now() if self.at is None else self.at

    def after(self, moment: datetime) -> bool:
        """Whether it was surely sent after this moment."""
        return not self.late or (self.at is not None and self.at > moment + UNSURE)

    def before(self, moment: datetime) -> bool:
        """Whether it was surely sent before this moment."""
        return self.late and self.at is not None and self.at < moment - UNSURE


NOW = Said()
"""A word that comes just now."""


def said(scope: Scope, sent_at: datetime | None, *, pulled: bool) -> Said:
    """When a word was sent that says `sent_at`; `pulled`: the vendor was asked for it, as its webhook was lost.

    One that came by webhook at once counts as sent now, whatever the vendor's clock says."""
    if sent_at is None:
        return Said(late=pulled)
    now: datetime = scope.connection.execute(_NOW).scalar_one()
    at = min(sent_at.astimezone(UTC), now)  # no clock of a vendor is believed to be ahead of ours
    return Said(at, pulled or now - at > UNSURE)
