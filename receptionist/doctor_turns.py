"""What `receptionist doctor` sees in the last turns: why they failed, and models whose cost nobody counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import sqlalchemy as sa

from receptionist.db import Scope, db_now
from receptionist.models import Account, Turn, table
from receptionist.parts import Parts
from receptionist.services import limits, prices
from receptionist.text import counted

LOOKED_AT = 1000
"""The newest turns of the whole installation that are looked at."""
HOURS = 24
REASONS = 3
LONGEST_REASON = 200

_turns = table(Turn)


def failures(parts: Parts) -> str | None:
    """Why turns of the last day failed, the most frequent reasons first; None if none did."""
    newest = sa.select(_turns.c.state, _turns.c.error, _turns.c.started_at).order_by(_turns.c.id.desc())
    recent = newest.limit(LOOKED_AT).subquery()
    failed = sa.select(recent.c.error).where(recent.c.state == "failed", recent.c.started_at > db_now(-HOURS * 3600.0))
    with parts.database.read() as connection:
        reasons = Counter(_short(reason) for reason in connection.execute(failed).scalars())
    if not reasons:
        return None
    told = "; ".join(f"{reason} ({counted(count, 'time')})" for reason, count in reasons.most_common(REASONS))
    return f"{reasons.total()} of the last turns failed: {told}. See: receptionist turn list"


def uncounted(parts: Parts) -> Iterator[tuple[bool, str]]:
    """Accounts with models that have no price: whether that lets a limit on cost fail, and what to do."""
    with parts.database.read() as connection:
        rows = connection.execute(sa.select(Account.id, Account.name)).all()
        for row in rows:
            scope = Scope(connection, row.id)
            limited = any(
                value is not None for name, value in limits.flat(limits.read(scope)).items() if name.endswith(".cost")
            )
            if not limited and not prices.listed(scope):
                continue
            if models := prices.unpriced(scope):
                names = ", ".join(map(_short, models))
                yield limited, f"{row.name} has no price for {names}; run: receptionist price set"


def _short(text: str | None) -> str:
    """One printable line: what vendors say is not ours."""
    words = "".join(letter if letter.isprintable() else " " for letter in text or "no reason was kept")
    return words[:LONGEST_REASON]
