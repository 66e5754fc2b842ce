from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receptionist.agents.braces import BRACES
from receptionist.errors import TemplateError
from tests.agents.turns import PROMPTS, TURN, StrategyFields, said, written


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Hi {lead_name}, {agent_name} here.", "Hi Ada, Reception here."),
        ("{lead_name}{agent_name}", "AdaReception"),
        ("{{ lead.name }} {lead_name} {# {nobody} #}!", "Ada Ada !"),
        ("{business_name}, {current_date}, {current_time}", "Maple Street, 2026-11-20, 10:05"),
        ("[{lead_phone}][{goals}]", "[][]"),
        ('{"name": "{lead_name}", "a": {"b": 1}}', '{"name": "Ada", "a": {"b": 1}}'),
        ("{ lead_name } {} {1} {lead name} {lead.name} {lead_name!r} {lead_name:>9}", None),
        ("{{ '{lead_name}' }} {% raw %}{lead_name} {nobody}{% endraw %}", "{lead_name} {lead_name} {nobody}"),
        ("{% if lead.name == '{lead_name}' %}{lead_id}{% else %}{lead_status}{% endif %}", "new"),
    ],
)
def test_names_in_braces(template: str, text: str | None) -> None:
    assert said(template, lead={"name": "Ada"}) == (template if text is None else text)


def test_every_name_works_in_a_template() -> None:
    fields = {"services": [{"name": "Wash"}], "formality": 3, "opening_hours": {"monday": ["09:00-10:00"]}}
    for name in BRACES:
        PROMPTS.check(StrategyFields.model_validate({**fields, "system_prompt_template": f"{{{name}}}"}), TURN)
    goals = [{"kind": "a", "title": "Book\na table", "slots": {}}, {"kind": "b", "title": "Pay", "slots": {}}]
    assert written({"system_prompt_template": "{goals}", "disclosure": False}, goals=goals) == "Book a table; Pay"


def test_names_work_in_the_texts_of_a_strategy() -> None:
    text = written(
        {
            "greeting": "Hello {lead_name}!",
            "backstory": "I am {agent_name}.",
            "custom_instructions": "Call {{ lead.name|upper }} {lead_status}.",
        },
        lead={"name": "Ada"},
    )
    assert '"Hello Ada!"' in text
    assert "About you: I am Reception." in text
    assert "Call ADA new." in text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("a\n  {led_name}", "line 2, column 3: there is no name {led_name}; the nearest is {lead_name}."),
        ("{Lead_Name}", "the nearest is {lead_name}"),
        ("{zzzzzzzz}", "there are: account_name, agent_name"),
        ("a {currency}", "line 1, column 3: there is no name {currency}; write {{ strategy.currency }}."),
        ("{phone}", "write {{ lead.phone|line }} or {{ strategy.phone }}."),
        ("{tools}", "write {{ strategy.tools|join(', ') }}."),
        ("{exceptions}", "the nearest is {"),
        ("{{ {lead_name} }}", "take the outer braces away"),
        ("{__class__}", "line 1, column 1: there is no name {__class__}"),
        (
            "{lead_name} {{ lead_name }}",
            "column 16: there is no variable 'lead_name'; did you mean lead.name|line? There",
        ),
        ("{goals}" * 501, "line 1, column 1: there are more than 500 names"),
        ("{agent_name}\n{{ nix }}", "line 2, column 4: there is no variable 'nix'"),
        ("{lead_name} {goals} {{ lead.nam }}", "column 29: there is no value 'nam' here; did you mean 'name'?"),
    ],
)
def test_unknown_names_are_refused_with_their_place(template: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        said(template)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["greeting", "backstory", "custom_instructions"])
def test_the_texts_may_not_name_each_other(name: str) -> None:
    for written_as in (f"{{{name}}}", f"{{{{ strategy.{name} }}}}"):
        with pytest.raises(TemplateError) as caught:
            written({"greeting": f"Hello!\n{written_as}"})
        assert str(caught.value).startswith("greeting, line 2, column ")
        assert (
            f": strategy.{name} may not be used in this text, for backstory, custom_instructions and greeting may not "
            "name each other. Of strategy there are: address, agent_name, "
        ) in str(caught.value)
        assert name in said(f"{name} {written_as}")


@given(st.text(alphabet="{}ab_ \n%#", max_size=30))
def test_text_around_names_stays_as_it_is(around: str) -> None:
    try:
        text = said(f"x{around}<{{agent_name}}>")
    except TemplateError as error:
        assert str(error).startswith("Template, line ")
    else:
        if not any(mark in around for mark in ("{{", "{%", "{#")):
            assert text == f"x{around}<Reception>"
