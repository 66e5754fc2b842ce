"""Text that is safe to store, to put into a prompt and to show: no control characters; no images and no links to
unknown places in replies."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import jinja2

from receptionist import Draft, EditableMessage, Line, PromptContext, hookimpl

_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
_IMAGE = re.compile(r"!\[([^\]\n]{0,300})\](?:\([^)\n]{0,2000}\)|\[[^\]\n]{0,300}\])")
_IMAGE_TAG = re.compile(r"<img\b[^>]{0,2000}>", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:a|area|base|embed|form|iframe|image|link|object|svg)\b[^<>]{0,2000}>"
    r"|<script\b[^<>]{0,1000}?\bsrc\s*=[^<>]{0,2000}>",
    re.IGNORECASE,
)
"""A tag that may lead somewhere; other markup is text like any, and channels show it as that."""
_MARKDOWN_LINK = re.compile(r"\[([^\[\]\n]{0,300})\]\(([^()\n]{0,2000})\)")
_REFERENCE = re.compile(r"^ {0,3}\[[^\]\n]{1,300}\]:\s*<?([^\s>]{1,2000})[^\n]*$", re.MULTILINE)
_SCHEME = (
    r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{1,20}:[/\\]{2}|(?<![a-z0-9])(?:javascript|vbscript|data|file|mailto):(?=\S)"
)
_LINK = re.compile(
    rf"(?:{_SCHEME}|(?<![\w@.-])www\.)[^\s<>\"`]{{1,2000}}"
    r"|(?<![\w@.-])(?:[^\W_](?:[\w-]{0,62})[.。．｡]){1,8}[^\W\d_]{2,24}(?::\d{1,5})?[/?#\\][^\s<>\"`]{0,2000}",
    re.IGNORECASE,
)
_END = re.compile(r"[.,;:!?'*_…»”’)\]]+$")
_DOTS = re.compile("[。．｡]")
_ODD = re.compile(r"[\\%@\x00-\x20]")
REMOVED = "(link removed)"


def clean(text: str) -> str:
    """Line ends as `\\n`; without NUL, other control characters (but tabs), and halves of surrogate pairs."""
    return _CONTROLS.sub("", _LINE_ENDS.sub("\n", text))


def without_images(text: str) -> str:
    """Images become their alternative text: loading one tells its server whatever the address carries."""
    return _IMAGE_TAG.sub("(image)", _IMAGE.sub(lambda image: image[1].strip() or "(image)", text))


def without_unknown_links(text: str, context: PromptContext) -> str:
    """Links stay if their host stands in the strategy, in what the customer wrote or in what tools returned; of others
    only the words are left. A link can carry to its host whatever was written into it."""
    if not (_LINK.search(text) or "](" in text or "]:" in text or "<" in text):
        return text
    kept = partial(_known, _sources(context))
    text = _TAG.sub("", _REFERENCE.sub(lambda found: found[0] if kept(found[1]) else "", text))
    text = _MARKDOWN_LINK.sub(
        lambda found: found[0] if kept(found[2].strip(" <>").partition(" ")[0]) else found[1], text
    )
    return _LINK.sub(lambda found: found[0] if kept(_END.sub("", found[0])) else REMOVED + _ended(found[0]), text)


def _ended(link: str) -> str:
    """The full stop or bracket behind a link."""
    found = _END.search(link)
    return found[0] if found else ""


def _sources(context: PromptContext) -> str:
    """All that a link may come from, in small letters."""
    texts = (*_texts(context.strategy), *_texts(context.account), *context.heard, context.message)
    return unicodedata.normalize("NFKC", "\n".join(texts)).casefold()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def _known(sources: str, link: str) -> bool:
    """Whether the place a link leads to is one that was named. What programs may read in two ways never is."""
    address = _DOTS.sub(".", unicodedata.normalize("NFKC", link)).casefold()
    if address.startswith("file:") and address in sources:  # leads nowhere outside, and was said just so
        return True
    if address.startswith(("tel:", "#", "/")) and not address.startswith("//"):
        return True
    if address.startswith("mailto:"):
        return (
            "?" not in address
            and re.search(rf"(?<![\w.+-]){re.escape(address[7:])}(?![\w-]|\.\w)", sources) is not None
        )
    if "://" not in address[:12]:
        address = f"https://{address}"
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").rstrip(".").removeprefix("www.")
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not host or _ODD.search(parts.netloc) or "\\" in address:
        return False
    return re.search(rf"(?<![\w.@-])(?:www\.)?{re.escape(host)}(?![\w-]|\.\w)", sources) is not None


def oneline(value: object) -> str:
    """The text with each run of white space as one space."""
    return " ".join(str(value).split())


@hookimpl
def edit_message(message: EditableMessage, line: Line) -> None:
    """Clean what a customer wrote."""
    message.text = clean(message.text)


@hookimpl
def edit_reply(draft: Draft, context: PromptContext) -> None:
    """Clean what the model wrote, and take out images and unknown links; a reply that would vanish without its control
    characters and images stays as it was."""
    text = without_images(clean(draft.text)).strip()
    draft.text = (without_unknown_links(text, context).strip() or REMOVED) if text else draft.text


@hookimpl
def prepare_prompt_environment(environment: jinja2.Environment) -> None:
    """The filter `oneline`, for values that must not begin a line of a prompt."""
    environment.filters["oneline"] = oneline
