"""What revision 0003 makes of the fields of strategy versions. Frozen: it reads what was stored before it, and what the
rest of the program makes of fields may change since."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import jinja2

RENAMED = {"tone": "tone_of_voice", "instructions": "custom_instructions", "template": "system_prompt_template"}
"""Fields that have the names now that the field of work uses."""
TEXTS = {"greeting": 500, "custom_instructions": 8000}
"""Fields that were plain text and are templates since, and how long they may be."""
LONGEST_TEMPLATE = 20000
LONGEST_LANGUAGE = 200

RAW = "{% raw %}", "{% endraw %}"
_NAME = re.compile(r"\{([^\W\d]\w*)\}")
_READ = re.compile(r"\{\{|\{%|\{#|" + _NAME.pattern)
"""What is read in a template and is none of its text."""
_QUOTED = re.compile(r"\{\{ '(\{[^\W\d]\w*\})' \}\}")

_Token = tuple[str, str]


def upgraded(fields: dict[str, Any]) -> dict[str, Any]:
    """Old fields as they are stored from 0003 on: renamed, plain texts so marked, templates with the new names."""
    new = {RENAMED.get(name, name): value for name, value in fields.items()}
    languages = [each[:LONGEST_LANGUAGE] for each in new.pop("languages", [])]
    if languages:
        new["languages"] = languages
    for name, longest in TEXTS.items():
        if isinstance(text := new.get(name), str):
            new[name] = _as_plain(text, longest)
    if template := new.get("system_prompt_template"):
        new["system_prompt_template"] = _with_names(template, RENAMED)
    return new


def downgraded(fields: dict[str, Any]) -> dict[str, Any]:
    """The way back."""
    old = dict(fields)
    for name in TEXTS:
        if isinstance(text := old.get(name), str):
            old[name] = text.removeprefix(RAW[0]).removesuffix(RAW[1]) if text.startswith(RAW[0]) else text
    names = {new: name for name, new in RENAMED.items()}
    if template := old.get("system_prompt_template"):
        old["system_prompt_template"] = _QUOTED.sub(r"\1", _with_names(template, names))
    return {names.get(name, name): value for name, value in old.items()}


def _as_plain(text: str, longest: int) -> str:
    """A text that says the same where it is read as a template; with round brackets if it would be too long."""
    if not _READ.search(text):
        return text
    marked = text.join(RAW)
    if len(marked) > longest or "endraw" in text:
        return text.replace("{", "(").replace("}", ")")
    return marked


def _with_names(template: str, names: dict[str, str]) -> str:
    """The template with other names of the strategy's fields, and names in single braces kept as the text they were."""
    try:
        tokens = [
            (kind, value)
            for _, kind, value in jinja2.Environment(autoescape=True, keep_trailing_newline=True).lex(template)
        ]
    except jinja2.TemplateSyntaxError:  # it never answered anybody: left for who edits it
        return template
    written = "".join(_renamed(list(_quoted(tokens)), names))
    return written if len(written) <= LONGEST_TEMPLATE else "".join(_renamed(tokens, names))


def _quoted(tokens: Iterable[_Token]) -> Iterator[_Token]:
    raw = False
    for kind, value in tokens:
        raw = kind == "raw_begin" or (raw and kind != "raw_end")
        yield kind, _NAME.sub(r"{{ '{\1}' }}", value) if kind == "data" and not raw else value


def _renamed(tokens: list[_Token], names: dict[str, str]) -> Iterator[str]:
    """`strategy.tone` and `strategy["tone"]`, with whatever white space, under another name."""
    before: list[str] = []
    for kind, value in tokens:
        bare = value.strip("\"'") if kind == "string" else value
        if bare in names and kind in ("name", "string") and before[-2:] == ["strategy", "." if kind == "name" else "["]:
            yield value.replace(bare, names[bare])
        else:
            yield value
        if kind != "whitespace":
            before = [*before[-1:], value]
