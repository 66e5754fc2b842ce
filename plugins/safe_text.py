"""Text that is safe to store, to put into a prompt and to show: no control characters, no images in replies."""

from __future__ import annotations

import re

import jinja2

from receptionist import Draft, EditableMessage, Line, PromptContext, hookimpl

_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
_IMAGE = re.compile(r"!\[([^\]\n]{0,300})\](?:\([^)\n]{0,2000}\)|\[[^\]\n]{0,300}\])")
_IMAGE_TAG = re.compile(r"<img\b[^>]{0,2000}>", re.IGNORECASE)


def clean(text: str) -> str:
    """Line ends as `\\n`; without NUL, other control characters (but tabs), and halves of surrogate pairs."""
    return _CONTROLS.sub("", _LINE_ENDS.sub("\n", text))


def without_images(text: str) -> str:
    """Images become their alternative text: loading one tells its server whatever the address carries."""
    return _IMAGE_TAG.sub("(image)", _IMAGE.sub(lambda image: image[1].strip() or "(image)", text))


def oneline(value: object) -> str:
    """The text with each run of white space as one space."""
    return " ".join(str(value).split())


@hookimpl
def edit_message(message: EditableMessage, line: Line) -> None:
    """Clean what a customer wrote."""
    message.text = clean(message.text)


@hookimpl
def edit_reply(draft: Draft, context: PromptContext) -> None:
    """Clean what the model wrote, and take out images; a reply that would vanish stays as it was."""
    draft.text = without_images(clean(draft.text)).strip() or draft.text


@hookimpl
def prepare_prompt_environment(environment: jinja2.Environment) -> None:
    """The filter `oneline`, for values that must not begin a line of a prompt."""
    environment.filters["oneline"] = oneline
