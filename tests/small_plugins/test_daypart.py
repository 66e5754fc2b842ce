from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from plugins.daypart import daypart_at, prompt_variables
from receptionist.agents.sandbox import PromptSandbox
from tests.small_plugins.host import prompt_context


@pytest.mark.parametrize(
    ("hour", "part"),
    [(0, "night"), (4, "night"), (5, "morning"), (12, "afternoon"), (18, "evening"), (22, "night"), (23, "night")],
)
def test_each_hour_has_its_part(hour: int, part: str) -> None:
    assert daypart_at(datetime(2026, 11, 20, hour, tzinfo=UTC)) == part


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "Europe/Berlin", "America/Los_Angeles"])
def test_prompt_variables_follow_the_zone_of_the_business(zone: str) -> None:
    before = daypart_at(datetime.now(ZoneInfo(zone)))
    found = prompt_variables(prompt_context("hi", timezone=zone))
    assert found["daypart"] in {before, daypart_at(datetime.now(ZoneInfo(zone)))}
    text = PromptSandbox().compile("{{ daypart_greeting }}", list(found)).render(found)
    assert text in {"Hello", "Good morning", "Good afternoon", "Good evening"}
