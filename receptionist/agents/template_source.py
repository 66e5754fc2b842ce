"""A template's text with the places in it: where each of its tokens begins, for messages with line and column."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jinja2 import TemplateSyntaxError

from receptionist.errors import TemplateError
from receptionist.text import sentence

Token = tuple[int, str, str]
"""Where it is, its kind, its text; Jinja says the line where `placed` says the place."""

_NEWLINE = re.compile(r"\r\n?")
_AT = re.compile(r" at \d+$")
_TAG = re.compile(r"\{[{%#]")


class Source:
    """The text of a template, and what it is called in messages. A place is the index of a character, plus one."""

    def __init__(self, text: str, title: str) -> None:
        self.text = _NEWLINE.sub("\n", text)
        self.title = title

    def error(self, place: int | None, message: str, word: str = "") -> TemplateError:
        """The error for the admin, which names line and column: of the first `word` at or behind the place (in its
        line), if there is one, else of the place."""
        return TemplateError(f"{self.title}, {self._where(place, word)}: {sentence(message)}")

    def tag(self, place: int) -> int:
        """The place of the tag that the place is in."""
        found = [match.start() for match in _TAG.finditer(self.text, 0, place)]
        return found[-1] + 1 if found else place

    def _where(self, place: int | None, word: str) -> str:
        if place is None:
            return "somewhere"
        at = min(max(place - 1, 0), len(self.text))
        end = self.text.find("\n", at)
        if word and (found := re.search(rf"(?<!\w){re.escape(word)}(?!\w)", self.text[at : None if end < 0 else end])):
            at += found.start()
        return f"line {self.text.count(chr(10), 0, at) + 1}, column {at - self.text.rfind(chr(10), 0, at)}"


def placed(tokens: Iterator[Token], text: str) -> Iterator[Token]:
    """The tokens of Jinja's lexer over `text`, each with its place instead of its line; so are its errors."""
    at = last = 0
    try:
        for _, kind, value in tokens:
            last = at = text.index(value, at)  # all that the lexer leaves out is white space before a tag
            yield at + 1, kind, value
            at += len(value)
    except TemplateSyntaxError as error:
        message = _AT.sub("", error.message or "")
        place = (at if message.startswith("unexpected") else last) + 1
        raise TemplateSyntaxError(message, place) from error
