"""The bundled templates: fit to be used, alike where they must be, different where the work is."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from click.testing import CliRunner

from receptionist.agents.bundled import EXTRACTION, answering, bundled, bundled_names, purpose
from receptionist.agents.sandbox import MAX_SOURCE, PromptSandbox
from receptionist.agents.variable_table import SHAPES
from receptionist.agents.variables import strategy_values
from receptionist.cli import main
from receptionist.contracts.strategy import StrategyFields
from receptionist.errors import TemplateError
from receptionist.services.demo.demo import demo_fields
from tests.agents.turns import LEAD, PROMPTS, TURN, said, written

ANSWERING = [name for name in bundled_names() if name != EXTRACTION]
FULL: dict[str, Any] = {
    "agent_name": "Robin",
    "role": "host",
    "title": "Front desk manager",
    "backstory": "Twenty years in hotels.",
    "personality_traits": [{"name": "Patience", "description": "explains twice"}, {"name": "Wit"}],
    "communication_style": "Pictures from gardening.",
    "tone_of_voice": "warm",
    "formality": 8,
    "knowledge_domain": "bicycles",
    "areas_of_expertise": ["wheels", "brakes"],
    "primary_goal": "A repaired bicycle.",
    "secondary_goals": ["A yearly check", "A helmet"],
    "languages": ["German", "French"],
    "custom_instructions": "Mention the raffle.",
    "greeting": "Good day to you!",
    "address": "27 Maple Street",
    "phone": "+12025550142",
    "email": "hello@example.com",
    "website": "https://example.com",
    "services": [{"name": "Wash", "price_cents": 900, "minutes": 20, "description": "By hand."}],
    "facts": [{"topic": "Parking", "text": "In the yard."}],
    "opening_hours": {"monday": ["09:00-12:00"]},
    "exceptions": [{"date": "2026-11-23", "hours": ["10:00-11:00"], "reason": "Market"}],
    "holidays": {"country": "DE"},
}
MEANT = [
    "Robin", "host", "Front desk manager", "Twenty years in hotels.", "Patience: explains twice", "- Wit",
    "Pictures from gardening.", "warm", "formal and courteous", "bicycles", "wheels, brakes", "A repaired bicycle.",
    "A yearly check; A helmet", "German, French", "Mention the raffle.", "Good day to you!", "27 Maple Street",
    "+12025550142", "hello@example.com", "https://example.com", "Wash: €9.00, 20 minutes. By hand.",
    "Parking: In the yard.", "10:00–11:00 (Market)", "closed (Christmas Day)", "on Monday, 2026-11-23, at 10:00",
]  # fmt: skip


def test_there_is_one_for_each_work() -> None:
    assert bundled_names() == ["appointment_desk", "extraction", "general", "restaurant", "sales", "support"]
    assert all(purpose(name).startswith("For ") for name in bundled_names())


@pytest.mark.parametrize("name", ANSWERING)
def test_what_the_strategy_says_is_said(name: str) -> None:
    text = written({**FULL, "prompt_template": name, "tools": ["note_lead", "hand_over", "open_times"]})
    assert [meant for meant in MEANT if meant not in text] == []
    assert "automated assistant" in text
    assert len(text) < 16_000


@pytest.mark.parametrize("name", ANSWERING)
def test_what_is_empty_leaves_no_trace(name: str) -> None:
    text = written({"prompt_template": name, "tone_of_voice": "", "communication_style": ""})
    headings = re.findall(r"^#+ (.*)\n(?:\n*(?=#)|\Z)", text, re.MULTILINE)
    assert headings == []
    assert "None" not in text
    assert re.search(r": *$|: *\.|\n\n\n|  ", text, re.MULTILINE) is None
    for word in ("Your tone", "character", "Services and prices", "Instructions of the business", "hand_over"):
        assert word not in text
    assert "You do not know the opening hours." in text


@pytest.mark.parametrize("name", ANSWERING)
def test_all_of_it_is_checked_when_a_strategy_is_saved(name: str) -> None:
    PROMPTS.check(demo_fields().model_copy(update={"prompt_template": name}), TURN)
    PROMPTS.check(StrategyFields.model_validate({**FULL, "prompt_template": name}), TURN)


def test_the_work_is_different() -> None:
    works = {}
    for name in ANSWERING:
        text = written({**FULL, "prompt_template": name})
        works[name] = text.partition("# Your work\n")[2].partition("\n\n#")[0]
    assert works.pop("general") == ""
    assert all(len(work) > 1000 for work in works.values())
    assert "budget" in works["sales"] and "budget" not in works["support"]
    assert "Escalate" not in works["support"] and "how to reach the business" in works["support"]
    assert "has said so" in works["appointment_desk"] and "clear yes" in works["appointment_desk"]
    assert "allergies" in works["restaurant"] and "allergies" not in works["appointment_desk"]


def test_rules_of_honesty_and_safety_are_the_same_everywhere() -> None:
    ends = {written({**FULL, "prompt_template": name}).partition("\n# What you know\n")[2] for name in ANSWERING}
    assert len(ends) == 1
    assert "Never speak about other customers." in ends.pop()


def test_what_is_known_of_the_customer_is_told() -> None:
    lead = {"name": "Ada", "tags": ["regular"], "custom": {"birthday": "10 December"}, "timezone": "Asia/Tokyo"}
    text = written({}, lead=lead)
    for line in (
        '- Name: "Ada"',
        '- Tags: ["regular"]',
        '- "birthday": "10 December"',
        '- Time zone: "Asia/Tokyo"',
    ):
        assert f"{line}\n" in text


def test_a_copied_template_is_whole_and_says_the_same() -> None:
    for name in ANSWERING:
        copy = bundled(name)
        assert "{% include" not in copy
        assert len(copy) < MAX_SOURCE / 2
        assert written({**FULL, "system_prompt_template": copy}) == written({**FULL, "prompt_template": name})


def test_extraction_needs_no_more_than_it_gets() -> None:
    template = PromptSandbox().compile(bundled(EXTRACTION), ["lead", "conversation", "strategy", "account"], SHAPES)
    values = {
        "lead": {**LEAD, "name": 'Ada "the first"', "custom": {"size": None}},
        "conversation": TURN["conversation"],
        "strategy": strategy_values(demo_fields()),
        "account": TURN["account"],
    }
    text = template.render(values)
    assert '- name: "Ada \\"the first\\""' in text
    assert '{"size": null}' in text
    assert "- Full service\n" in text


def test_no_agent_answers_with_extraction() -> None:
    with pytest.raises(TemplateError, match="answers nobody; choose one of: appointment_desk, general"):
        answering(EXTRACTION)
    with pytest.raises(TemplateError, match="no prompt template nope; there are: appointment_desk"):
        answering("nope")
    with pytest.raises(TemplateError, match="no prompt template"):
        bundled("../../setup")


def test_the_command_lists_them_and_prints_one() -> None:
    runner = CliRunner()
    listed = runner.invoke(main, ["prompt-template", "list"], catch_exceptions=False)
    assert [line.split()[0] for line in listed.output.splitlines()] == bundled_names()
    shown = runner.invoke(main, ["prompt-template", "show", "sales"], catch_exceptions=False)
    assert shown.output == bundled("sales")
    assert json.dumps(said(shown.output, agent_name="Kim")).count("You are Kim, the receptionist of Maple Street.") == 1
    wrong = runner.invoke(main, ["prompt-template", "show", "nope"])
    assert wrong.exit_code == 1
    assert "there are: appointment_desk" in wrong.output
