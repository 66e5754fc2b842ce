"""What a tool is handed: whom the call is about, and the changes it may ask for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from receptionist.errors import ToolError
from receptionist.phones import e164
from receptionist.services.leads import LeadChange
from receptionist.text import storable

_EMAIL = re.compile(r"[^@\s<>\"',;]{1,64}@[A-Za-z0-9.-]{1,190}\.[A-Za-z]{2,24}")
_LIMITS = {"name": 200, "company": 200, "note": 2000}


@dataclass(frozen=True, slots=True)
class PersonRequest:
    """The agent wants a person to look at the conversation."""

    reason: str
    summary: str


@dataclass(slots=True)
class Context:
    """A `contracts.tool.ToolContext` for one call; `changes` are committed with the call's result, or never."""

    account: Mapping[str, Any]
    lead: dict[str, Any]
    conversation_id: int
    strategy: Mapping[str, Any]
    now: datetime
    idempotency_key: str
    changes: list[LeadChange | PersonRequest] = field(default_factory=list)

    def update_lead(
        self,
        *,
        name: str | None = None,
        email: str | None = None,
        phone: str | None = None,
        company: str | None = None,
        note: str | None = None,
    ) -> None:
        """See `ToolContext.update_lead`."""
        if email is not None and not _EMAIL.fullmatch(email.strip()):
            raise ToolError("This is not an e-mail address; ask for it again.")
        self.changes.append(
            LeadChange(
                name=_short("name", name),
                email=email.strip() if email else None,
                phone=_phone(phone, self.account.get("country")),
                company=_short("company", company),
                note=_short("note", note),
            )
        )

    def hand_over(self, reason: str, summary: str) -> None:
        """See `ToolContext.hand_over`."""
        self.changes.append(PersonRequest(storable(reason)[:200], storable(summary)[:2000]))


def _short(what: str, value: str | None) -> str | None:
    """Trimmed, or None if nothing is left: a model fills unknown fields with empty text."""
    return storable(value or "").strip()[: _LIMITS[what]] or None


def _phone(value: str | None, country: str | None) -> str | None:
    if not value or not value.strip():
        return None
    number = e164(value, country)
    if number is None:
        raise ToolError("This is not a phone number that can be called; ask for it again, with the country code.")
    return number
