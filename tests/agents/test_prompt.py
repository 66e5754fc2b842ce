from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
import pytest

from receptionist.agents.prompt import Prompts, VersionPrompt
from receptionist.contracts.strategy import StrategyFields
from receptionist.errors import TemplateError
from receptionist.services.demo import demo_fields
from receptionist.services.directory import PublishedStrategy

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 20, 10, 5, 10, tzinfo=BERLIN)
TURN: dict[str, Any] = {
    "account": {"id": 1, "name": "Maple Street", "timezone": "Europe/Berlin"},
    "line": {"title": "Website", "channel": "webchat"},
    "lead": {"name": None, "email": None, "phone": None, "company": None, "notes": None},
    "conversation": {"first_reply": True},
}


def prepare(environment: jinja2.Environment) -> None:
    """Add no filters."""


def version(template: str, **fields: Any) -> VersionPrompt:
    return Prompts(prepare).make(StrategyFields(system_prompt_template=template, **fields), TURN)


def text(prompt: VersionPrompt, now: datetime, **turn: Any) -> str:
    return "".join(prompt.write({**TURN, **turn}, now).pieces)


def test_the_clock_goes_on() -> None:
    prompt = version("{{ now.date }} {{ now.time }} {{ now.timezone }}")
    assert text(prompt, NOW) == text(prompt, NOW + timedelta(seconds=49)) == "2026-11-20 10:05 Europe/Berlin"
    assert text(prompt, NOW + timedelta(seconds=50)) == "2026-11-20 10:06 Europe/Berlin"
    assert text(prompt, NOW.astimezone(ZoneInfo("Asia/Tokyo"))) == "2026-11-20 18:05 Asia/Tokyo"


def test_the_hour_that_occurs_twice_is_told_apart() -> None:
    prompt = version("{{ open_now }}", opening_hours={"sunday": ["00:00-02:00"]})
    first = datetime(2026, 10, 24, 23, 59, tzinfo=UTC)
    assert text(prompt, first.astimezone(BERLIN)) == "True"
    prompt = version("{{ open_now }} {{ now.time }}", opening_hours={"sunday": ["02:30-03:00"]})
    early, late = (datetime(2026, 10, 25, hour, 15, tzinfo=UTC).astimezone(BERLIN) for hour in (0, 1))
    assert early.hour == late.hour == 2
    assert [text(prompt, early), text(prompt, late)] == ["False 02:15", "True 02:15"]


def test_turns_of_a_version_do_not_mix() -> None:
    prompt = version("{{ strategy.agent_name }}: {{ lead.name|default('?') }}", agent_name="Robin")
    assert text(prompt, NOW, lead={"name": "Ada"}) == "Robin: Ada"
    assert text(prompt, NOW, lead={"name": None}) == "Robin: ?"


def test_a_prompt_takes_little_more_than_its_own_words() -> None:
    prompt = Prompts(prepare).make(demo_fields(), TURN)
    first = prompt.write(TURN, NOW)
    kept = {id(piece) for piece in first.pieces}
    second = prompt.write({**TURN, "lead": {**TURN["lead"], "name": "Ada"}}, NOW)
    own = sys.getsizeof(second.pieces) + sum(sys.getsizeof(p) for p in second.pieces if id(p) not in kept)
    assert len("".join(first.pieces)) > 4000
    assert own < 3000


def test_only_the_values_of_the_turn_are_looked_at_again_and_all_of_them() -> None:
    prompt = version("{{ lead.name }}")
    assert text(prompt, NOW, lead={"name": "Ada"}) == "Ada"
    with pytest.raises(TemplateError, match=r"lead\.name is a bytes"):
        text(prompt, NOW, lead={"name": b"Ada"})
    with pytest.raises(TemplateError, match="too large"):
        text(prompt, NOW, lead={"name": "x" * 999_900})


def test_a_version_is_compiled_once_for_each_set_of_names() -> None:
    prompts = Prompts(prepare)
    fields = StrategyFields(system_prompt_template="{{ now.time }}")
    published = PublishedStrategy(7, 1, 3, "Front desk", fields, {})
    assert prompts.of(published, TURN) is prompts.of(published, dict(TURN))
    assert prompts.of(published, {**TURN, "weather": "rain"}) is not prompts.of(published, TURN)
