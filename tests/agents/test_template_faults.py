"""Mistakes in a template are told in plain words, with their place and the cure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receptionist.agents.sandbox import PromptSandbox
from receptionist.agents.variable_table import SHAPES, VARIABLE_NAMES
from receptionist.errors import TemplateError

SANDBOX = PromptSandbox()


def refused(source: str) -> str:
    with pytest.raises(TemplateError) as caught:
        SANDBOX.compile(source, VARIABLE_NAMES, SHAPES)
    return str(caught.value).removeprefix("Template, ")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("Hi\n{{ lead.name", "line 2, column 1: this {{ is not closed; write }} at its end."),
        ("{{ lead.name }}{% if open_now", "line 1, column 16: this {% is not closed; write %} at its end."),
        (
            "{# {% if #}\n{% if open_now %}\n{% for t in lead.tags %}{{ t }}{% endfor %}",
            "line 2, column 1: this {% if %} is not closed; write {% endif %} after it.",
        ),
        ("x\n{% raw %} {% if %}", "line 2, column 1: this {% raw %} is not closed; write {% endraw %} after it."),
        ("x{% endif %}", "line 1, column 5: no {% if %} is open here, so this {% endif %} belongs to none; remove it."),
        ("{% else %}", "line 1, column 4: no {% if %} is open here"),
        (
            "{% if open_now %}\n{% for t in lead.tags %}{% endif %}",
            "line 2, column 28: {% endif %} does not fit here, for the {% for %} of line 2 is still open; "
            "write {% endfor %} before it.",
        ),
        ("{% if open_now %}{% end if %}", "line 1, column 21: there is no tag {% end %}; write {% endif %}."),
        ("{% elseif open_now %}", "there is no tag {% elseif %}; did you mean {% elif %}?"),
        ("{% iff open_now %}", "there is no tag {% iff %}; did you mean {% if %}?"),
        ("{% while x %}", "there is no tag {% while %}; there are: if, elif, else, endif, for"),
        ("{{ lead name }}", "line 1, column 9: 'name' cannot stand here; {{ … }} holds one value, such as lead.name"),
        ("a {{ if open_now }}", "line 1, column 3: if is a tag; write {% if … %} in place of {{ if … }}."),
        ("{% if open_now then %}{% endif %}", "column 16: 'then' cannot stand here; write %} before it."),
        ("{% if lead.name = 'x' %}{% endif %}", "column 17: a single = does not compare; write ==."),
        ("{{ lead.name }", "column 14: a tag that begins with {{ ends with }}, not like this."),
        ("{{ (lead.name }}", "column 15: a bracket before this is not closed; write )."),
        ("{{ lead.name) }}", "column 13: no bracket before this is open; remove this )."),
        ("{{ 'Ada }}", "column 4: the quotation mark ' opens a text that is not closed"),
        ("{{ \u201cAda\u201d }}", 'column 4: the sign \u201c means nothing here; write plain quotation marks, ".'),
        ("{% if !open_now %}", "column 7: the sign ! means nothing here; write the word not."),
        ("{{ }}", "column 4: a value is missing here"),
        ("{{ lead. }}", "column 10: a name is missing after the dot."),
        ("{% for tag of lead.tags %}", "write the loop like {% for service in strategy.services %}."),
        ("{{ lead.name|uper }}", "the filter 'uper' is not allowed; did you mean 'upper'? There are: capitalize"),
        ("{{ lead.name is definde }}", "the test 'definde' is not allowed; did you mean 'defined'? There are:"),
        ("{{ strategy.agent-name }}", "calculating with - is not allowed here"),
    ],
)
def test_a_mistake_is_told_in_plain_words_where_it_is(source: str, told: str) -> None:
    said = refused(source)
    assert told in said
    assert said.endswith((".", "?")) and not said.endswith(("?.", ".."))


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("Hi\n {{ primary_goal }}", "line 2, column 5: there is no variable 'primary_goal'; did you mean strategy.pri"),
        ("{{ agent_name }}", "did you mean strategy.agent_name? There are: account, conversation, "),
        (
            "{% if primry_goal %}{% endif %}",
            "column 7: there is no variable 'primry_goal'; did you mean strategy.primary_",
        ),
        ("{{ phone }}", "did you mean lead.phone or strategy.phone?"),
        ("{{ strateg.role }}", "did you mean strategy?"),
        ("{{ current_datetime }}", "write {current_datetime} outside of other braces."),
        (
            "{% for each in strategy.services %}{{ price }}{% endfor %}",
            "column 39: there is no variable 'price'; did you mean each.price?",
        ),
        ("{{ zzz }}", "there is no variable 'zzz'; there are: account, conversation, "),
    ],
)
def test_an_unknown_variable_is_told_with_the_one_that_is_meant(source: str, told: str) -> None:
    assert told in refused(source)


WORDS = [
    "{{ ",
    " }}",
    "{% ",
    " %}",
    "{#",
    "#}",
    "if",
    "endif",
    "for",
    "endfor",
    "else",
    "raw",
    "x",
    "'",
    "(",
    ")",
    "}",
    "\n",
]


@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join))
def test_no_word_of_the_parser_comes_through(source: str) -> None:
    try:
        SANDBOX.compile(source, VARIABLE_NAMES, SHAPES)
    except TemplateError as error:
        for word in ("token", "Encountered", "Unexpected", "unexpected", "expression, got", "statement"):
            assert word not in str(error)
