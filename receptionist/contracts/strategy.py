"""What an admin decides about the agent: the fields of a strategy version."""

from __future__ import annotations

import re
from datetime import date as Date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_HOURS = re.compile(r"([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)")


def _hours(value: str) -> str:
    if not _HOURS.fullmatch(value) or value[:5] >= value[6:]:
        raise ValueError(f"write opening hours like 09:00-12:30, the end after the beginning, not {value[:20]!r}")
    return value


Hours = Annotated[str, AfterValidator(_hours)]
"""A stretch of a day in the account's zone, such as "09:00-12:30"."""


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Service(_Fields):
    """Something the business sells. Prices are in cents of `StrategyFields.currency`."""

    name: str = Field(max_length=120)
    price_cents: int | None = Field(default=None, ge=0)
    minutes: int | None = Field(default=None, gt=0)
    description: str = Field(default="", max_length=1000)


class Fact(_Fields):
    """Something customers ask about, and the answer."""

    topic: str = Field(max_length=120)
    text: str = Field(max_length=2000)


class DayException(_Fields):
    """A date with other hours; no hours means closed."""

    date: Date
    hours: list[Hours] = Field(default=[], max_length=6)
    reason: str = Field(default="", max_length=120)


class StrategyFields(_Fields):
    """Who the agent is and how it behaves. Every field has a default, so that `{}` is a usable strategy."""

    agent_name: str = Field(default="Reception", max_length=80)
    role: str = Field(default="receptionist", max_length=200)
    tone: str = Field(default="friendly, clear and brief", max_length=200)
    languages: list[str] = Field(default=["English"], max_length=20)
    greeting: str = Field(default="Hello! How can I help you?", max_length=500)
    apology_text: str = Field(
        default="Sorry, I cannot answer just now. We have your message and will get back to you.",
        min_length=1,
        max_length=500,
    )
    disclosure: bool = Field(default=True, description="Say in the first reply that an automated assistant answers.")
    instructions: str = Field(default="", max_length=8000)
    template: str = Field(default="", max_length=20000, description="Prompt template; empty means the bundled one.")

    address: str = Field(default="", max_length=300)
    phone: str = Field(default="", max_length=40)
    email: str = Field(default="", max_length=200)
    website: str = Field(default="", max_length=200)
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$", description="ISO 4217")
    services: list[Service] = Field(default=[], max_length=100)
    facts: list[Fact] = Field(default=[], max_length=200)
    opening_hours: dict[Weekday, Annotated[list[Hours], Field(max_length=6)]] = Field(default={})
    exceptions: list[DayException] = Field(default=[], max_length=400)

    tools: list[str] = Field(default=[], max_length=64)
    model: str | None = Field(
        default=None, max_length=120, description='"openai" or "openai/<name>"; empty means the best that is ready.'
    )
    temperature: float | None = Field(default=None, ge=0, le=2)
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    max_output_tokens: int | None = Field(default=None, ge=16, le=32000)
    burst_seconds: float | None = Field(default=None, ge=0, le=30)
    hand_back_minutes: int = Field(
        default=60, ge=1, le=10080, description="Minutes after a person's last message until the agent answers again."
    )
