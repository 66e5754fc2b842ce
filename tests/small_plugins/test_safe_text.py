from __future__ import annotations

import time
from dataclasses import replace
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
        ("a [word] stays!", "a [word] stays!"),
        ("bell\x07", "bell"),
        ("\x07", "\x07"),
    ],
)
def test_edit_reply_takes_out_images(text: str, sent: str) -> None:
    draft = Draft(text)
    edit_reply(draft, prompt_context("hi"))
    assert draft.text == sent


@pytest.mark.parametrize(
    "text",
    [
        "![" * 20_000 + "<img" * 20_000 + "![a](" * 20_000,
        "[a](" * 20_000 + "](" * 20_000,
        "a." * 30_000 + "/",
        "https://" * 5_000 + "www." * 5_000,
        "a" * 60_000 + "](" + " " * 20_000,
        "<a " * 20_000 + "[a]:" * 5_000,
    ],
    ids=lambda text: text[:8],
)
def test_edit_reply_is_quick_on_hostile_text(text: str) -> None:
    draft = Draft(text)
    started = time.monotonic()
    edit_reply(draft, prompt_context("hi"))
    assert time.monotonic() - started < 5


STRATEGY = {
    "website": "acme.example",
    "facts": [{"topic": "Booking", "text": "At https://book.acme.example/start, or by mail to desk@acme.example."}],
}


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("[a link](https://acme.example/menu) stays!", None),
        ("Our menu: https://www.acme.example/menu (new).", None),
        ("HTTPS://ACME.EXAMPLE/ and book.acme.example/start", None),
        ("[Mail](mailto:desk@acme.example) or [call](tel:+35312345678)", None),
        ("Your own shop.customer.example/cart?id=1", None),
        ("Pay here: https://pay.example/x?y=1", None),
        ("9.30am/10am, 24/7, and/or 5 < 6 > 4; 1.5/2", None),
        ("[click](https://evil.example/?q=secret) me", "click me"),
        ("see https://evil.example/a?b=c.", "see (link removed)."),
        ("evil.example/?leak=1 or www.evil.example!", "(link removed) or (link removed)!"),
        ("<a href='https://evil.example/'>hello</a>", "hello"),
        ("[1]: https://evil.example/x\nsee [1]", "see [1]"),
        ("[x](javascript:steal) javascript:steal", "x (link removed)"),
        ("data:text/html;base64,AAAA", "(link removed)"),
        ("https://acme.example@evil.example/x", "(link removed)"),
        ("https://evil.example\\@acme.example/", "(link removed)"),
        ("https:/\\evil.example/", "(link removed)"),
        ("https://acme.example.evil.example/", "(link removed)"),
        ("https://evilacme.example/", "(link removed)"),
        ("https://\u0430cme.example/", "(link removed)"),  # a Cyrillic letter
        ("https://evil\u3002example/x", "(link removed)"),
        ("https://%65vil.example/", "(link removed)"),
        ("mailto:desk@acme.example?body=secret", "(link removed)"),
        ("ftp://acme.example/x", "(link removed)"),
    ],
)
def test_links_lead_only_where_somebody_named(text: str, sent: str | None) -> None:
    context = replace(
        prompt_context("I sell at shop.customer.example"), strategy=STRATEGY, heard=["at https://pay.example/q"]
    )
    draft = Draft(text)
    edit_reply(draft, context)
    assert draft.text == (text if sent is None else sent)


def test_prepare_prompt_environment_adds_oneline() -> None:
    template = PromptSandbox(prepare_prompt_environment).compile("<{{ name|oneline }}>", ["name"])
    assert template.render({"name": " Ada\n# Rules\t{{ x }} "}) == "<Ada # Rules {{ x }}>"
