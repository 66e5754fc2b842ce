"""A host for small plugins: a folder, their settings, and leads in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from receptionist import Calendar, NotFound, PromptContext
from receptionist.agents.context import Context

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=BERLIN)
LEAD = {"id": 7, "name": None, "email": None, "phone": None, "company": None, "notes": ""}


class MemoryHost:
    """What these plugins ask of core."""

    def __init__(self, instance_path: Path = Path("/nowhere"), **settings: Any) -> None:
        self.instance_path = instance_path
        self.leads: dict[tuple[int, int], dict[str, Any]] = {}
        self.all_calendars: list[Calendar] = []
        self._settings = settings

    def settings(self, kind: type[Any]) -> Any:
        """The settings of this class, with the values given to the host."""
        return kind(**{name: value for name, value in self._settings.items() if name in kind.model_fields})

    def calendars(self) -> Sequence[Calendar]:
        """The calendars of the test."""
        return self.all_calendars

    def lead(self, account_id: int, lead_id: int) -> Mapping[str, Any]:
        """A lead of the test."""
        if (account_id, lead_id) not in self.leads:
            raise NotFound("no such lead")
        return self.leads[account_id, lead_id]

    def find_lead(self, account_id: int, *, email: str | None = None, phone: str | None = None) -> int | None:
        """The lead with this e-mail or phone."""
        for (account, lead_id), lead in self.leads.items():
            if account == account_id and ((email and lead["email"] == email) or (phone and lead["phone"] == phone)):
                return lead_id
        return None


def tool_context(strategy: Mapping[str, Any] | None = None, now: datetime = NOW, settings: Any = None) -> Context:
    """The context of a tool call."""
    account = {"id": 1, "name": "Acme", "timezone": str(now.tzinfo)}
    return Context(account, LEAD, 3, strategy or {}, now, "key", settings)


def prompt_context(message: str, first_reply: bool = False, timezone: str = "Europe/Berlin") -> PromptContext:
    """The context of a turn."""
    return PromptContext(
        account={"id": 1, "name": "Acme", "timezone": timezone},
        line={"title": "Chat", "channel": "webchat"},
        lead=LEAD,
        conversation={"id": 3, "first_reply": first_reply},
        strategy={},
        message=message,
    )
