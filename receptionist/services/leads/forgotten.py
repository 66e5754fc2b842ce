"""Messages of erased leads: known again by a keyed hash, so that a vendor's repetition does not bring them back."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from receptionist.db import Scope, db_now
from receptionist.models import ErasedMessage, table
from receptionist.security.fingerprint import Fingerprints

REPEATED_SECONDS = 86_400.0
"""Vendors hand a message over again, or list it when asked, within a day."""

_erased = table(ErasedMessage)


def _any(condition: sa.ColumnElement[bool]) -> sa.Exists:
    own = (_erased.c.account_id == sa.bindparam("b_account"), _erased.c.line_id == sa.bindparam("b_line"))
    return sa.exists().where(*own, condition)


KNOWN = sa.select(
    _any(_erased.c.message_hash == sa.bindparam("b_hash")).label("this"),
    _any(_erased.c.created_at > db_now(-REPEATED_SECONDS)).label("lately"),
)


class Forgotten:
    """Remembers that messages were erased, and nothing else of them."""

    def __init__(self, fingerprints: Fingerprints) -> None:
        self._fingerprints = fingerprints

    def note(self, scope: Scope, messages: Iterable[tuple[int, str]]) -> None:
        """Remember messages by line and their vendor's id."""
        rows = [
            {"account_id": scope.account_id, "line_id": line_id, "message_hash": self._hash(scope, line_id, name)}
            for line_id, name in messages
        ]
        if rows:
            scope.connection.execute(sa.insert(ErasedMessage), rows)

    def knows(self, scope: Scope, line_id: int, provider_message_id: str) -> tuple[bool, bool]:
        """Whether this message was erased, and whether any of the line was within a day."""
        digest = self._hash(scope, line_id, provider_message_id)
        row = scope.execute(KNOWN, b_line=line_id, b_hash=digest).one()
        return bool(row.this), bool(row.lately)

    def _hash(self, scope: Scope, line_id: int, name: str) -> str:
        return self._fingerprints.of("message", str(scope.account_id), str(line_id), name)
