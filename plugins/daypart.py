"""The part of the day at the business, for prompts that greet as people do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from receptionist import PromptContext, hookimpl

PARTS = ((5, "night"), (12, "morning"), (18, "afternoon"), (22, "evening"), (24, "night"))
"""Each part with the hour before which it ends."""


def daypart_at(at: datetime) -> str:
    """ "morning", "afternoon", "evening" or "night", by the hour of `at`."""
    return next(part for hour, part in PARTS if at.hour < hour)


@hookimpl
def prompt_variables(context: PromptContext) -> Mapping[str, Any]:
    """`daypart`, and `daypart_greeting`: "Good morning", … and "Hello" at night."""
    zone = ZoneInfo(str(context.strategy.get("timezone") or context.account["timezone"]))
    part = daypart_at(datetime.now(UTC).astimezone(zone))
    return {"daypart": part, "daypart_greeting": "Hello" if part == "night" else f"Good {part}"}
