"""The bundled prompt templates: `templates/prompts/NAME.jinja`, made of their own words and of parts they share.

A line `{% include "NAME" %}` in one of these files stands for `templates/prompts/parts/NAME.jinja`. It is put there
before anything is compiled, so that a bundled template is one text like an admin's own, under the same rules, and can
be copied whole; in an admin's template, including is not allowed.
"""

from __future__ import annotations

import re
from functools import cache

from receptionist.errors import TemplateError
from receptionist.templates_path import TEMPLATES

EXTRACTION = "extraction"
"""The template that reads lead data out of a conversation; no agent answers with it."""

_PART = re.compile(r'^\{% include "([a-z_]+)" %\}\n', re.MULTILINE)
_FOLDER = TEMPLATES / "prompts"


def bundled_names() -> list[str]:
    """The names of the bundled templates."""
    return sorted(path.stem for path in _FOLDER.glob("*.jinja"))


@cache
def bundled(name: str) -> str:
    """The whole text of a bundled template. Raises `TemplateError` naming those there are."""
    if name not in bundled_names():
        raise TemplateError(f"There is no prompt template {name[:60]}; there are: {', '.join(bundled_names())}.")
    source = (_FOLDER / f"{name}.jinja").read_text("utf-8")
    return _PART.sub(lambda part: (_FOLDER / "parts" / f"{part[1]}.jinja").read_text("utf-8"), source)


def answering(name: str) -> str:
    """The whole text of a bundled template that answers customers. Raises `TemplateError` as `bundled`."""
    if name == EXTRACTION:
        names = ", ".join(each for each in bundled_names() if each != EXTRACTION)
        raise TemplateError(
            f"The prompt template {name} reads conversations and answers nobody; choose one of: {names}."
        )
    return bundled(name)


def purpose(name: str) -> str:
    """What a bundled template is for, in one line: its first comment."""
    return bundled(name).partition("{#")[2].partition("#}")[0].strip(" -")
