"""How far it has come with a lead: its status, and who changed it when."""

from __future__ import annotations

from receptionist.db import AnyRow, Scope
from receptionist.errors import LeadError
from receptionist.models import StatusChange

STATUSES = {
    "new": "New",
    "contacted": "Contacted",
    "qualified": "Qualified",
    "customer": "Customer",
    "lost": "Lost",
}
"""Every status with its title, in the order leads usually go through."""


def read(text: str) -> str:
    """The status that is meant. Raises `LeadError`."""
    status = text.strip().lower()
    if status not in STATUSES:
        raise LeadError(f"There is no status {text.strip()[:40]}; there are: {', '.join(STATUSES)}.")
    return status


def note(scope: Scope, lead_id: int, before: str, after: str, by: str) -> None:
    """Keep in the history that the status changed."""
    scope.insert(StatusChange, lead_id=lead_id, before=before, after=after, by=by[:200])


def history(scope: Scope, lead_id: int, *, limit: int = 50) -> list[AnyRow]:
    """Changes of the status, the newest first: `before`, `after`, `by`, `created_at`."""
    statement = scope.select(StatusChange).where(StatusChange.lead_id == lead_id)
    return scope.all(statement.order_by(StatusChange.id.desc()).limit(limit))
