"""Strategies that were published before their fields got new names, and plain texts became templates."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa

from receptionist import migrations
from receptionist.agents.sandbox import PromptSandbox
from receptionist.contracts.strategy import StrategyFields
from receptionist.db import Database
from receptionist.migrations.fields_0003 import downgraded, upgraded
from tests.harness.migrated import old

__all__ = ["old"]

REVISION = "0002"

OLD: dict[str, Any] = {
    "agent_name": "Ada",
    "tone": "dry",
    "instructions": "Orders look like {order_number} and {% sale %} is a tag of ours.",
    "greeting": "Hello {friend}!",
    "template": "Tone: {{ strategy.tone }} or {{strategy [ 'tone' ]}}{# a note #}\n{%- if strategy.instructions %}\n"
    "{{ strategy.instructions|upper }}{% endif %} {shop} {% raw %}{kept}{% endraw %} tone, strategy.tone\n",
    "languages": [],
}


def written(source: str, **strategy: Any) -> str:
    """The source as a template, with these fields of the strategy."""
    return PromptSandbox().compile(source, {"strategy"}).render({"strategy": strategy})


def test_they_answer_as_before(old: Database) -> None:
    at = "'2026-01-01 00:00:00.000000'"
    with old.begin() as connection:
        for statement in (
            f"INSERT INTO accounts (id, name, timezone, revision, created_at) VALUES (1, 'A', 'UTC', 1, {at})",
            f"INSERT INTO strategies (id, account_id, name, created_at) VALUES (1, 1, 'S', {at})",
        ):
            connection.exec_driver_sql(statement)
        connection.execute(
            sa.text(
                "INSERT INTO strategy_versions (account_id, strategy_id, number, fields, published_at, created_at) "
                f"VALUES (1, 1, 1, :fields, {at}, {at})"
            ),
            {"fields": json.dumps(OLD)},
        )
    migrations.upgrade(old)
    with old.read() as connection:
        stored = connection.execute(sa.text("SELECT fields FROM strategy_versions")).scalar_one()
    fields = StrategyFields.model_validate(json.loads(stored) if isinstance(stored, str) else stored)
    assert (fields.tone_of_voice, fields.languages) == ("dry", ["English"])
    assert written(fields.greeting) == OLD["greeting"]
    assert written(fields.custom_instructions) == OLD["instructions"]
    said = written(fields.system_prompt_template, tone_of_voice="dry", custom_instructions="be kind")
    assert said == "Tone: dry or dryBE KIND {shop} {kept} tone, strategy.tone"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write { so } and 5 > 3 }}", "Write { so } and 5 > 3 }}"),
        ("x" * 490 + "{name}", "x" * 490 + "(name)"),
        ("{% endraw %}", "(% endraw %)"),
    ],
)
def test_a_plain_text_stays_one_within_its_length(text: str, expected: str) -> None:
    assert written(StrategyFields.model_validate(upgraded({"greeting": text})).greeting) == expected


def test_long_languages_and_broken_templates_stop_nothing() -> None:
    fields = StrategyFields.model_validate(upgraded({"languages": ["x" * 300], "template": "{% if %"}))
    assert (fields.languages, fields.system_prompt_template) == (["x" * 200], "{% if %")


def test_the_way_back() -> None:
    template = "{{ strategy.tone }} {shop}"
    before = {"tone": "dry", "greeting": "Hello {friend}!", "template": template}
    assert downgraded(upgraded(before)) == before
