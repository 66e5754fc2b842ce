"""Names in single braces, such as {lead_name}, in texts brought along from other systems.

Each stands for what is written beside it in `BRACES`, in the template's own syntax: it is put in its place while the
template is compiled, never into a value. `{"a": 1}`, `{ x }` and all other braces stay text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches

from jinja2 import TemplateSyntaxError

from receptionist.agents.template_source import Token
from receptionist.agents.variable_table import ITEM, SHAPES, values_called

MAX_NAMES = 500
"""Names in one template: each becomes more than it is, and compiling takes time."""

_NAME = re.compile(r"\{([^\W\d]\w*)\}")
_GOALS = "{% for goal in goals %}{{ goal.title|line }}{% if not loop.last %}; {% endif %}{% endfor %}"

BRACES: dict[str, str] = {
    "account_name": "{{ account.name }}",
    "agent_name": "{{ strategy.agent_name }}",
    "agent_role": "{{ strategy.role }}",
    "agent_title": "{{ strategy.title }}",
    "areas_of_expertise": "{{ strategy.areas_of_expertise|join(', ') }}",
    "backstory": "{{ strategy.backstory }}",
    "business_address": "{{ strategy.address }}",
    "business_email": "{{ strategy.email }}",
    "business_hours": "{{ strategy.hours_text|join('; ') }}",
    "business_name": "{{ account.name }}",
    "business_phone": "{{ strategy.phone }}",
    "business_website": "{{ strategy.website }}",
    "channel": "{{ line.channel }}",
    "communication_style": "{{ strategy.communication_style }}",
    "current_date": "{{ now.date }}",
    "current_datetime": "{{ now.date }} {{ now.time }}",
    "current_day": "{{ now.weekday }}",
    "current_time": "{{ now.time }}",
    "custom_instructions": "{{ strategy.custom_instructions }}",
    "customer_email": "{{ lead.email|line }}",
    "customer_name": "{{ lead.name|line }}",
    "customer_phone": "{{ lead.phone|line }}",
    "facts": "{{ strategy.facts_text|join('; ') }}",
    "formality": "{{ strategy.formality }}",
    "goals": _GOALS,
    "greeting": "{{ strategy.greeting }}",
    "hours_today": "{{ hours_today }}",
    "interaction_count": "{{ conversation.interaction_count }}",
    "knowledge_domain": "{{ strategy.knowledge_domain }}",
    "languages": "{{ strategy.languages|join(', ') }}",
    "lead_company": "{{ lead.company|line }}",
    "lead_email": "{{ lead.email|line }}",
    "lead_id": "{{ lead.id }}",
    "lead_language": "{{ lead.language|line }}",
    "lead_name": "{{ lead.name|line }}",
    "lead_notes": "{{ lead.notes|line(2000) }}",
    "lead_phone": "{{ lead.phone|line }}",
    "lead_status": "{{ lead.status|line }}",
    "lead_tags": "{{ lead.tags|join(', ')|line }}",
    "line_title": "{{ line.title }}",
    "opening_hours": "{{ strategy.hours_text|join('; ') }}",
    "personality_traits": "{{ strategy.traits_text|join('; ') }}",
    "primary_goal": "{{ strategy.primary_goal }}",
    "role": "{{ strategy.role }}",
    "secondary_goals": "{{ strategy.secondary_goals|join('; ') }}",
    "services": "{{ strategy.services_text|join('; ') }}",
    "timezone": "{{ now.timezone }}",
    "title": "{{ strategy.title }}",
    "tone_of_voice": "{{ strategy.tone_of_voice }}",
}
"""What each name stands for. What customers typed in comes as one line of limited length: `line`."""


def braced(tokens: Iterator[Token], lexed: Callable[[str], Iterator[Token]]) -> Iterator[Token]:
    """The tokens, with those of `BRACES` in place of the names; `lexed` makes tokens of a text.

    Raises `TemplateSyntaxError` for an unknown name, and for more than `MAX_NAMES`."""
    raw = False
    left = MAX_NAMES
    for at, kind, value in tokens:
        raw = kind == "raw_begin" or (raw and kind != "raw_end")
        if kind == "data" and not raw:
            left -= sum(1 for _ in _NAME.finditer(value))
            if left < 0:
                raise TemplateSyntaxError(f"there are more than {MAX_NAMES} names in single braces; use fewer", at)
            yield from _split(at, value, lexed)
        else:
            yield at, kind, value


def _split(at: int, text: str, lexed: Callable[[str], Iterator[Token]]) -> Iterator[Token]:
    begin = 0
    for found in _NAME.finditer(text):
        if found.start() > begin:
            yield at + begin, "data", text[begin : found.start()]
        place = at + found.start()
        if found[1] not in BRACES:
            raise TemplateSyntaxError(_unknown(found[1]), place)
        yield from ((place, kind, value) for _, kind, value in lexed(BRACES[found[1]]))
        begin = found.end()
    if begin < len(text):
        yield at + begin, "data", text[begin:]


def _unknown(name: str) -> str:
    near = get_close_matches(name.lower(), BRACES, 1, 0.5)
    known = f"the nearest is {{{near[0]}}}" if near else f"there are: {', '.join(BRACES)}"
    if values := list(filter(None, map(_written, values_called(name.lower(), SHAPES)))):
        known = f"write {' or '.join(values)}"
    name = name[:60]
    return f"there is no name {{{name}}}; {known}. To write the braces themselves: {{{{ '{{{name}}}' }}}}"


def _written(value: str) -> str:
    """A value as text, what customers typed in on one line; empty for what is more than a text or a list of them."""
    variable, _, name = value.partition(".")
    shape = SHAPES[variable][name]
    if shape not in ({}, {ITEM: {}}):
        return ""
    filters = ("|join(', ')" if shape else "") + ("|line" if variable == "lead" else "")
    return f"{{{{ {value}{filters} }}}}"
