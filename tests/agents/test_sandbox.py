from __future__ import annotations

import time
from enum import StrEnum
from typing import Any

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import pass_context

from receptionist.agents.sandbox import MAX_OUTPUT, MAX_SOURCE, PromptSandbox
from receptionist.errors import PluginError, TemplateError

SANDBOX = PromptSandbox()
NAMES = ["a", "people"]
VALUES: dict[str, Any] = {"a": {"x": "hello", "items": 3, "none": None}, "people": ["Ada", "", "Bo"]}


def render(source: str, **values: Any) -> str:
    return SANDBOX.compile(source, [*VALUES, *values]).render({**VALUES, **values})


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Hi {{ a.x }}!", "Hi hello!"),
        ("{{ a['x']|upper }} {{ people[0] }}", "HELLO Ada"),
        ("{{ a.items }}", "3"),
        ("[{{ a.none }}]", "[]"),
        ("{% if a.x == 'hello' and not a.none %}yes{% elif a.x %}or{% else %}no{% endif %}", "yes"),
        (
            "{% for p in people if p %}{{ loop.index }}:{{ p }}{% if not loop.last %}, {% endif %}{% endfor %}",
            "1:Ada, 2:Bo",
        ),
        ("{% for p in [] %}{{ p }}{% else %}nobody{% endfor %}", "nobody"),
        ("{% for k, v in a|items %}{{ k }}={{ v }};{% endfor %}", "x=hello;items=3;none=;"),
        ("{{ people|join(', ') }}; {{ people|length }}; {{ people|last }}", "Ada, , Bo; 3; Bo"),
        ("{{ a.y|default('?') }} {{ a.none|default('-') }} {{ a.y is defined }}", "? - False"),
        ("{{ a.x ~ ' ' ~ a.items }}", "hello 3"),
        ("{{ 'long ' if a.x in ('hello', 'bye') else '' }}{{ a.x|truncate(3) }}", "long he…"),
        ('{{ "a\n\\"b\\""|tojson }}', '"a\\n\\"b\\""'),
        ("{% raw %}{{ a }}{% endraw %}", "{{ a }}"),
    ],
)
def test_what_templates_may_say(source: str, text: str) -> None:
    assert render(source) == text


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("{{ a.__class__ }}", "underscore"),
        ("{{ a['__class__'] }}", "no value '__class__'"),
        ("{{ a|attr('__class__') }}", "filter 'attr'"),
        ("{{ lipsum }}", "no variable 'lipsum'"),
        ("{{ lipsum(n=100000) }}", "calling functions"),
        ("{{ range(99999) }}", "calling functions"),
        ("{{ cycler }}", "no variable 'cycler'"),
        ("{{ namespace }}", "no variable 'namespace'"),
        ("{{ self }}", "no variable 'self'"),
        ("{{ a.x.upper() }}", "calling functions"),
        ("{{ a.clear }}", "no value 'clear'"),
        ("{{ a.x.format }}", "no value 'format'"),
        ("{{ 'a' * 1000000000 }}", "not allowed"),
        ("{{ '%0999999999d' % 1 }}", "not allowed"),
        ("{{ '%999999999d' is odd }}", "test 'odd'"),
        ("{{ 9 ** 9 }}", "not allowed"),
        ("{{ -1 }}", "not allowed"),
        ("{{ a.x|center(1000000000) }}", "filter 'center'"),
        ("{{ a.x|format }}", "filter 'format'"),
        ("{{ a.x|indent(1000000) }}", "filter 'indent'"),
        ("{{ a.x|replace('', a.x) }}", "filter 'replace'"),
        ("{{ people|map('upper')|join }}", "filter 'map'"),
        ("{{ a.x|safe }}", "filter 'safe'"),
        ("{{ people|join(*people) }}", "without *"),
        ("{{ a.x is sameas(a) }}", "test 'sameas'"),
        ("{% for p in people %}{% for q in people %}{% endfor %}{% endfor %}", "inside a {% for %}"),
        ("{% for p in people %}{% else %}{% for q in people %}{% endfor %}{% endfor %}", "inside a {% for %}"),
        ("{% for p in people recursive %}{{ loop(p) }}{% endfor %}", "recursive"),
        ("{% for p in people %}{{ loop }}{% endfor %}", "cannot stand alone"),
        ("{% for p in people %}{{ loop.cycle }}{% endfor %}", "no loop.cycle"),
        ("{% for loop in people %}{% endfor %}", "variable plainly"),
        ("{% set b = a %}", "{% set %}"),
        ("{% set b %}x{% endset %}", "{% set %}"),
        ("{% macro m() %}{% endmacro %}", "{% macro %}"),
        ("{% include 'x' %}", "{% include %}"),
        ("{% import 'x' as y %}", "{% import %}"),
        ("{% from 'x' import y %}", "import"),
        ("{% extends 'x' %}", "{% extends %}"),
        ("{% block b %}{% endblock %}", "{% block %}"),
        ("{% filter upper %}x{% endfilter %}", "{% filter %}"),
        ("{% call a() %}{% endcall %}", "{% call %}"),
        ("{% with b = 1 %}{% endwith %}", "{% with %}"),
        ("{% autoescape false %}{% endautoescape %}", "{% autoescape %}"),
        ("{% do a %}", "no tag {% do %}"),
        ("{{ people[0:2] }}", "index"),
        ("{{ a[people] }}", "index"),
        ("{{ a }}", "dictionary"),
        ("{{ people }}", "list"),
        ("{% for c in a.x %}{% endfor %}", "needs a list"),
        ("{{ a.x < 3 }}", "'<' not supported"),
        ("{{ a.y }}", "no value 'y'"),
        ("{{ a.y.z }}", "no value 'y'"),
        ("{{ a.x", "not closed"),
        ("{{ " + "9" * 5000 + " }}", "too long"),
        ("{{ 0x" + "f" * 15000 + " }}", "long number"),
        ("{{ " + "(" * 5000 + "a" + ")" * 5000 + " }}", "too deeply"),
        ("{{ " + "not " * 4000 + "a }}", "too deeply"),
        ("{% if a %}" * 60 + "{% endif %}" * 60, "too deeply"),
        ("x" * (MAX_SOURCE + 1), "shorten"),
    ],
)
def test_what_templates_may_not_say(source: str, part: str) -> None:
    started = time.monotonic()
    with pytest.raises(TemplateError) as caught:
        render(source)
    assert part in str(caught.value)
    assert time.monotonic() - started < 5


def test_errors_name_line_and_column() -> None:
    with pytest.raises(TemplateError, match=r"line 3, column 9: there is no variable 'price'; there are: a, people"):
        SANDBOX.compile("a\n\ncosts {{price}}", NAMES)
    with pytest.raises(TemplateError, match=r"line 2, column 6: there is no value 'y' here\.$"):
        render("\n{{ a.y }}")
    with pytest.raises(TemplateError, match="line 2"):
        SANDBOX.compile("{% if a %}\n{% endfor %}", NAMES)


LONG = {"text": "h" * 400_000, "numbers": list(range(20_000)), "texts": ["q" * 30] * 10_000}


@pytest.mark.parametrize(
    "source",
    [
        "{% for x in a.numbers %}{% endfor %}" * 500,
        "{% for x in a.numbers %}{% if x == a.numbers %}{% endif %}{% endfor %}" * 200,
        "{{ '' if a.text|upper|lower|trim|title }}" * 400,
        "{% for x in a.texts %}{{ x|trim|tojson if false else '' }}{% if a.text|upper %}{% endif %}{% endfor %}",
        "{% for x in a.numbers %}{% if 'zzz' in a.text %}{% endif %}{% endfor %}",
        "{{ a.numbers|join(a.text)|length }}",
        "{% if " + "a.text ~ " * 2000 + "'' %}{% endif %}",
        "{{ 1 if a == a }}" * 1000,
    ],
)
def test_work_is_bounded(source: str) -> None:
    template = SANDBOX.compile(source, NAMES)
    started = time.thread_time()
    with pytest.raises(TemplateError, match="too much work"):
        template.render({"a": LONG})
    assert time.thread_time() - started < 5


def test_output_is_bounded_while_it_is_made() -> None:
    template = SANDBOX.compile("{% for p in people %}{{ p }}{% endfor %}", NAMES)
    assert len(template.render({"people": ["x" * 100] * (MAX_OUTPUT // 100)})) == MAX_OUTPUT
    with pytest.raises(TemplateError, match=f"longer than {MAX_OUTPUT}"):
        template.render({"people": ["x" * 100] * (MAX_OUTPUT // 100) + ["y"]})


class Row:
    tenant = "secret"


class Word(StrEnum):
    YES = "yes"


@pytest.mark.parametrize(
    ("value", "part"),
    [
        (Row(), "a is a Row"),
        ({"lead": Row()}, "a.lead is a Row"),
        (["x", {"b": (Row,)}], r"a\[1\].b\[0\] is a type"),
        (jinja2.Environment, "a is a type"),
        (Word.YES, "a is a Word"),
        (b"x", "a is a bytes"),
        ({1: "x"}, "key 1"),
        (["x" * 600_000] * 2, "too large"),
        ([[[[[[[[[[1]]]]]]]]]], "too deeply"),
    ],
)
def test_only_plain_values_come_in(value: Any, part: str) -> None:
    template = SANDBOX.compile("x", NAMES)
    with pytest.raises(TemplateError, match=part):
        template.render({"a": value})


def test_a_value_that_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(TemplateError, match="too deeply"):
        SANDBOX.compile("x", NAMES).render({"a": loop})


HOSTILE = st.one_of(
    st.text(),
    st.sampled_from(
        ["{{ a }}", "{% for x in y %}", "{{ a.__class__ }}", "{{'a'*10**9}}", "{# x #}", "%s%n", "{0.__class__}"]
    ),
)


@given(HOSTILE, HOSTILE)
def test_values_come_out_as_they_are(first: str, second: str) -> None:
    template = SANDBOX.compile("<{{ a.x }}|{% for p in people %}{{ p }}{% endfor %}>", NAMES)
    assert template.render({"a": {"x": first}, "people": [second, first]}) == f"<{first}|{second}{first}>"


@given(st.text(alphabet="{}%#ab.|[]()'\"~*=! forinedls_x0\n", max_size=60))
def test_any_source_compiles_or_says_why(source: str) -> None:
    try:
        text = SANDBOX.compile(source, NAMES).render(VALUES)
    except TemplateError as error:
        assert str(error).startswith("Template")
    else:
        assert len(text) <= MAX_OUTPUT


def test_filters_of_plugins_are_allowed() -> None:
    def prepare(environment: jinja2.Environment) -> None:
        environment.filters["shout"] = lambda value: f"{value.upper()}!"
        environment.globals["danger"] = print

    sandbox = PromptSandbox(prepare)
    assert sandbox.compile("{{ a|shout }}", ["a"]).render({"a": "hi"}) == "HI!"
    with pytest.raises(TemplateError, match="no variable 'danger'"):
        sandbox.compile("{{ danger }}", ["a"])
    with pytest.raises(TemplateError, match="filter 'shout'"):
        SANDBOX.compile("{{ a|shout }}", ["a"])


def test_a_failing_filter_is_told_with_its_line() -> None:
    def prepare(environment: jinja2.Environment) -> None:
        environment.filters["half"] = lambda value: 1 / value

    with pytest.raises(TemplateError, match="line 2, column 6: division by zero"):
        PromptSandbox(prepare).compile("x\n{{ a|half }}", ["a"]).render({"a": 0})


def test_filters_of_plugins_are_metered() -> None:
    def prepare(environment: jinja2.Environment) -> None:
        environment.filters["echo"] = lambda value: value

    template = PromptSandbox(prepare).compile("{{ '' if a|echo|echo|echo|echo|echo }}", ["a"])
    with pytest.raises(TemplateError, match="too much work"):
        template.render({"a": "x" * 500_000})


@pytest.mark.parametrize("name", ["upper", "join"])
def test_a_filter_name_in_use_is_refused(name: str) -> None:
    def prepare(environment: jinja2.Environment) -> None:
        environment.filters[name] = str

    with pytest.raises(PluginError, match=name):
        PromptSandbox(prepare)


def test_a_filter_that_wants_the_context_is_refused() -> None:
    def prepare(environment: jinja2.Environment) -> None:
        environment.filters["leak"] = pass_context(lambda context, value: context)

    with pytest.raises(PluginError, match="plain values only"):
        PromptSandbox(prepare)
