from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.safe_text import clean, edit_message, edit_reply, prepare_prompt_environment
from receptionist import Draft, EditableMessage, Line
from receptionist.agents.sandbox import PromptSandbox
from tests.small_plugins.host import prompt_context

LINE = Line(1, 1, "acme", "webchat", "k", "Chat", "", None)
ANYTHING: Any = st.text(st.characters(exclude_categories=[]))


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("a\x00b\x1b[31mc\x7f", "ab[31mc"),
        ("a\r\nb\rc\x0bd\u2028e", "a\nb\nc\nd\ne"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("\ud800half", "half"),
        ("Zoë 👩‍👩‍👧 שלום", "Zoë 👩‍👩‍👧 שלום"),
    ],
)
def test_edit_message_strips_control_characters(text: str, stored: str) -> None:
    message = EditableMessage(text, "text", "visitor")
    edit_message(message, LINE)
    assert message.text == stored


@given(ANYTHING)
def test_cleaned_text_can_be_stored(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode("utf-8")
    assert all(character.isprintable() or character in "\n\t" or ord(character) > 0x9F for character in cleaned)
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("See ![our shop](https://evil.example/?q=secret) now", "See our shop now"),
        ("![](http://evil.example/a.png)", "(image)"),
        ("![x][ref] and <IMG src=x onerror=y>", "x and (image)"),
        ("[a link](https://acme.example) stays!", "[a link](https://acme.example) stays!"),
        ("bell\x07", "bell"),
        ("\x07", "\x07"),
    ],
)
def test_edit_reply_takes_out_images(text: str, sent: str) -> None:
    draft = Draft(text)
    edit_reply(draft, prompt_context("hi"))
    assert draft.text == sent


def test_edit_reply_is_quick_on_hostile_text() -> None:
    draft = Draft("![" * 20_000 + "<img" * 20_000 + "![a](" * 20_000)
    started = time.monotonic()
    edit_reply(draft, prompt_context("hi"))
    assert time.monotonic() - started < 5


def test_prepare_prompt_environment_adds_oneline() -> None:
    template = PromptSandbox(prepare_prompt_environment).compile("<{{ name|oneline }}>", ["name"])
    assert template.render({"name": " Ada\n# Rules\t{{ x }} "}) == "<Ada # Rules {{ x }}>"
