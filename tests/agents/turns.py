"""A turn as templates see it, and prompts written for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from receptionist.agents.prompt import Prompts
from receptionist.contracts.strategy import StrategyFields

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 20, 10, 5, tzinfo=BERLIN)
LEAD: Mapping[str, Any] = {
    "id": 5,
    **dict.fromkeys(("name", "email", "phone", "company", "language", "timezone")),
    "notes": "",
    "status": "new",
    "tags": [],
    "custom": {},
}
TURN: Mapping[str, Any] = {
    "account": {"id": 1, "name": "Maple Street", "timezone": "Europe/Berlin", "country": "DE"},
    "line": {"title": "Website", "channel": "webchat"},
    "lead": LEAD,
    "conversation": {"id": 3, "first_reply": True, "interaction_count": 1},
    "goals": [],
}
PROMPTS = Prompts(lambda environment: None)


def written(fields: StrategyFields | Mapping[str, Any], now: datetime = NOW, **turn: Any) -> str:
    """The prompt of these fields for a turn like `TURN`; `lead` adds to what is known of the customer."""
    fields = StrategyFields.model_validate(fields)
    lead = {**LEAD, **turn.pop("lead", {})}
    values = {**TURN, **turn, "lead": lead}
    return "".join(PROMPTS.make(fields, values).write(values, now).pieces)


def said(template: str, **more: Any) -> str:
    """What an own template says, without disclosure; `more` are other fields of the strategy, and `lead`."""
    turn = {"lead": more.pop("lead", {})}
    return written({"system_prompt_template": template, "disclosure": False, **more}, **turn)
