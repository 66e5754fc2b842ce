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
from receptionist.services.demo.demo import demo_fields
from receptionist.services.directory import PublishedStrategy
from tests.agents.turns import BERLIN, LEAD, PROMPTS, TURN, said, written

NOW = datetime(2026, 11, 20, 10, 5, 10, tzinfo=BERLIN)


def prepare(environment: jinja2.Environment) -> None:
    """Add no filters."""


def version(template: str, **fields: Any) -> VersionPrompt:
    return Prompts(prepare).make(StrategyFields(system_prompt_template=template, disclosure=False, **fields), TURN)


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


DISCLOSURE = "say in a few words that you are an automated assistant."
LATER = {**TURN["conversation"], "first_reply": False}


def test_an_own_template_that_forgets_the_disclosure_gets_it() -> None:
    own = {"system_prompt_template": "Be nice."}
    assert written(own).startswith("Be nice.\n\nThis is your first reply")
    assert DISCLOSURE in written(own)
    assert written(own, conversation=LATER) == "Be nice."
    assert written({**own, "disclosure": False}) == "Be nice."


@pytest.mark.parametrize("way", ["strategy.disclosure", "strategy['disclosure']"])
def test_a_template_that_reads_the_disclosure_says_it_itself(way: str) -> None:
    assert written({"system_prompt_template": f"{{% if {way} %}}I am a machine.{{% endif %}}"}) == "I am a machine."
    hidden = "{% if lead.name %}{{ strategy.disclosure }}{% endif %}Hi"
    assert written({"system_prompt_template": hidden}) == "Hi"
    assert DISCLOSURE in written({"system_prompt_template": "{# strategy.disclosure #}{{ 'strategy.disclosure' }}"})


def check(**fields: Any) -> None:
    Prompts(prepare).check(StrategyFields.model_validate(fields), TURN)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (
            "{{ strategy.agent_nam }}",
            "line 1, column 13: there is no value 'agent_nam' here; did you mean 'agent_name'?",
        ),
        ("a\n{% if lead.name == 'x' %}\n  {{ lead.nam }}{% endif %}", "line 3, column 11: there is no value 'nam'"),
        ("{% for s in strategy.services %}{{ s.cost }}{% endfor %}", "column 38: there is no value 'cost'"),
        ("{{ hours_week[0].closed }}", "column 18: there is no value 'closed' here; there are: date, day, hours"),
        ("{{ hours_week|first|upper }}{{ (hours_week|first).x }}", "column 51: there is no value 'x'"),
        ("{{ strategy.services.name }}", "column 22: there is no value 'name' here; use a {% for %} loop"),
        ("{% if goals %}{{ goals }}{% endif %}", "column 18: a list cannot be written"),
        ("{% if lead.phone %}{{ lead }}{% endif %}", "column 23: a dictionary cannot be written"),
        ("{% for x in lead.name %}{% endfor %}", "column 4: this {% for %} goes over something that is no list"),
        ("{{ lead.name[0] }}", "column 13: this is no list"),
        ("{{ lead.name.first }}", "column 14: there is no value 'first' here; this is a single value"),
        ("{{ leed.name }}", "column 4: there is no variable 'leed'; did you mean lead? There"),
        ("x\r\n\r\n{{ 1 + 1 }}", "line 3, column 4: calculating with +"),
        ("x {{ lead.name", "line 1, column 3: this {{ is not closed; write }} at its end."),
        ("a\n  {# x", "line 2, column 3: this {# is not closed"),
        ("a {{ ? }}", "line 1, column 6: the sign ? means nothing here"),
        ("{% if lead.name %}\n{{ lead.name }", "line 2, column 14: a tag that begins with {{ ends with }}"),
        (
            "{% if lead.name %}\n x\n{% endfor %}",
            "line 3, column 4: {% endfor %} does not fit here, for the {% if %} of line 1",
        ),
        ("{{ lead.name|nope }}", "line 1, column 14: the filter 'nope'"),
        (
            "{% for x in goals %}{% endfor %}\n{% for x in goals %}{% for y in goals %}",
            "line 2, column 21: this {% for %} is not closed; write {% endfor %} after it.",
        ),
    ],
)
def test_mistakes_are_found_when_saving_with_line_and_column(template: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        check(system_prompt_template=template)
    assert str(caught.value).startswith("Template, line ")
    assert message in str(caught.value)


def test_mistakes_in_texts_name_the_field() -> None:
    for field in ("greeting", "backstory", "custom_instructions"):
        with pytest.raises(TemplateError, match=rf"^{field}, line 2, column 5: there is no name \{{nix\}}"):
            check(**{field: "Hello\nand {nix}"})
        with pytest.raises(TemplateError, match="greeting may not be used in this text"):
            check(**{field: "{greeting}"})


def test_what_only_known_customers_reach_is_tried_too() -> None:
    with pytest.raises(TemplateError, match="not supported between"):
        check(system_prompt_template="{% if lead.name %}{{ lead.name < 3 }}{% endif %}")
    with pytest.raises(TemplateError, match="not supported between"):
        check(system_prompt_template="{% if not lead.name %}{{ account.name < 3 }}{% endif %}")


def test_what_may_be_missing_is_none() -> None:
    template = (
        "[{{ lead.custom.size }}|{{ lead.custom['size']|default('?') }}|{{ lead.custom.size is defined }}|"
        "{% for each in strategy.opening_hours.sunday %}x{% endfor %}|"
        "{{ opens_next.day }}|{{ strategy.holidays.country }}]"
    )
    assert said(template) == "[|?|False|||]"
    assert said(template, lead={"custom": {"size": 9}}) == "[9|9|True|||]"


def test_texts_and_templates_are_compiled_once_for_all_versions() -> None:
    prompts = Prompts(prepare)
    one, two = (prompts.make(StrategyFields(agent_name=name), TURN) for name in ("Kim", "Robin"))
    assert one._template is two._template
    assert "You are Robin" in text(two, NOW)


def test_values_for_tools_and_models_have_the_written_texts() -> None:
    prompt = Prompts(prepare).make(StrategyFields(greeting="Hi {lead_name}"), TURN)
    found = prompt.write({**TURN, "lead": {**LEAD, "name": "Ada"}}, NOW)
    assert found.variables["strategy"]["greeting"] == "Hi Ada"
    assert prompt.write(TURN, NOW).variables["strategy"]["greeting"] == "Hi "


def test_variables_of_a_vendors_prompt_name_only_fields_and_tools_that_are_there() -> None:
    for name, says in (
        ("lead.custom.sizze", "no field 'sizze'"),
        ("strategy.tool_settings.boook.days", "no tool 'boook'"),
    ):
        prompt = {"id": "pmpt_1", "variables": {"size": f"{{{{ {name} }}}}"}}
        with pytest.raises(TemplateError, match=f"{says}; did you mean"):
            PROMPTS.check_names(StrategyFields.model_validate({"prompt": prompt}), TURN, ["book"], ["size"])
    PROMPTS.check_names(StrategyFields(greeting="{{ lead.custom.size }}"), TURN, ["book"], ["size"])
