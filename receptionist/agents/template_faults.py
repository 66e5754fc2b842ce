"""What is wrong with the syntax of a template, in plain words: Jinja's messages speak of its own tokens."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches

from receptionist.agents.template_source import Source

TAGS = ("if", "elif", "else", "endif", "for", "endfor", "raw", "endraw")
"""The tags that templates may have."""

SHOWN = 60
"""Characters of a wrong word that are shown."""

_OPENED = re.compile(r"\{#.*?#\}|\{%[-+]?\s*raw\b.*?\{%[-+]?\s*endraw\b|\{%[-+]?\s*(\w+)", re.DOTALL)
_INNERMOST = re.compile(r"innermost block that needs to be closed is '(\w+)'")
_TOKENS = {
    "end of print statement": "}}",
    "end of statement block": "%}",
    "end of template": "the end",
    "name": "a name",
}
_SIGNS = {
    "&": "write the word and",
    "!": "write the word not",
    "?": "write {{ 'one' if open_now else 'other' }}",
    "\N{LEFT DOUBLE QUOTATION MARK}": 'write plain quotation marks, "',
    "\N{RIGHT DOUBLE QUOTATION MARK}": 'write plain quotation marks, "',
    "\N{DOUBLE LOW-9 QUOTATION MARK}": 'write plain quotation marks, "',
    "\N{LEFT SINGLE QUOTATION MARK}": "write plain quotation marks, '",
    "\N{RIGHT SINGLE QUOTATION MARK}": "write plain quotation marks, '",
}

Fault = tuple[int, str]
"""The place (see `template_source`) that is to be named, and what is wrong there."""

Explain = Callable[[re.Match[str], int, Source], Fault]


def fault(message: str, place: int, source: Source) -> Fault:
    """What Jinja's `message` about a place means, and where to mend it; an unusual one is said as it is."""
    for pattern, explain in _FAULTS:
        if found := re.match(pattern, message, re.DOTALL):
            return explain(found, place, source)
    return place, message


def _unclosed(found: re.Match[str], place: int, source: Source) -> Fault:
    begins, ends = _marks(place, source)
    return source.tag(place), f"this {begins} is not closed; write {ends} at its end"


def _unclosed_block(found: re.Match[str], place: int, source: Source) -> Fault:
    kind = _innermost(found.string)
    return _opening(
        kind, len(source.text), source
    ), f"this {{% {kind} %}} is not closed; write {{% end{kind} %}} after it"


def _unknown_tag(found: re.Match[str], place: int, source: Source) -> Fault:
    tag, open_one = found[1][:SHOWN], _innermost(found.string)
    if tag in TAGS or (open_one and tag.startswith("end") and tag != "end"):
        if not open_one:
            return place, f"no {{% {_opener(tag)} %}} is open here, so this {{% {tag} %}} belongs to none; remove it"
        line = source.text.count("\n", 0, _opening(open_one, place, source)) + 1
        still_open = f"the {{% {open_one} %}} of line {line} is still open; write {{% end{open_one} %}} before it"
        return place, f"{{% {tag} %}} does not fit here, for {still_open}"
    if tag == "end" and open_one:
        return place, f"there is no tag {{% end %}}; write {{% end{open_one} %}}"
    near = ["elif"] if tag.startswith("els") else get_close_matches(tag.lower(), TAGS, 1, 0.6)
    known = f"did you mean {{% {near[0]} %}}?" if near else f"there are: {', '.join(TAGS)}"
    return place, f"there is no tag {{% {tag} %}}; {known}"


def _unexpected_word(found: re.Match[str], place: int, source: Source) -> Fault:
    ends, word = _TOKENS[found[1]], found[2][:SHOWN]
    tag = source.tag(place)
    first = re.match(r"[-+]?\s*(\w+)", source.text[tag + 1 : place])
    if ends == "}}" and first and first[1] in TAGS:
        return tag, f"{first[1]} is a tag; write {{% {first[1]} … %}} in place of {{{{ {first[1]} … }}}}"
    if word == "=":
        return place, "a single = does not compare; write =="
    if ends == "}}":
        return (
            place,
            f"{word!r} cannot stand here; {{{{ … }}}} holds one value, such as lead.name, and filters after a |",
        )
    return place, f"{word!r} cannot stand here; write {ends} before it"


def _half_closed(found: re.Match[str], place: int, source: Source) -> Fault:
    begins, ends = _marks(place, source)
    return place, f"a tag that begins with {begins} ends with {ends}, not like this"


def _unclosed_bracket(found: re.Match[str], place: int, source: Source) -> Fault:
    return place, f"a bracket before this is not closed; write {found[1]}"


def _sign(found: re.Match[str], place: int, source: Source) -> Fault:
    sign = found[1] or found[2]
    if sign in "'\"":
        return place, f"the quotation mark {sign} opens a text that is not closed; write the second one, or remove this"
    return place, f"the sign {sign} means nothing here; {_SIGNS.get(sign, 'remove it, or put it into quotation marks')}"


def _other_token(found: re.Match[str], place: int, source: Source) -> Fault:
    wanted, got = (_TOKENS.get(each, each)[:SHOWN] for each in found.groups())
    return place, f"here should be {wanted}, not {got}"


def _plainly(told: str) -> Explain:
    return lambda found, place, source: (place, found.expand(told))


_FAULTS: tuple[tuple[str, Explain], ...] = (
    (r"unexpected end of template", _unclosed),
    (r"Unexpected end of template", _unclosed_block),
    (r"Missing end of comment tag", _plainly("this {# is not closed; write #} at the end of the comment")),
    (r"Missing end of raw directive", _plainly("this {% raw %} is not closed; write {% endraw %} after it")),
    (r"Encountered unknown tag '(\w+)'", _unknown_tag),
    (r"tag name expected", _plainly("this tag says nothing; begin it with a word, as in {% if open_now %}")),
    (r"expected token '(end of print statement|end of statement block)', got '(.+)'", _unexpected_word),
    (
        r"(Expected an expression, got|unexpected) 'end of",
        _plainly("a value is missing here, such as lead.name; write it"),
    ),
    (r"unexpected '\}'$", _half_closed),
    (r"unexpected '.', expected '(.)'", _unclosed_bracket),
    (r"unexpected '([)\]}])'", _plainly(r"no bracket before this is open; remove this \1")),
    (r"unexpected char (?:'(.)'|\"(.)\")", _sign),
    (r"expected token ':', got '\}'", _plainly("a name in single braces stands by itself; take the outer braces away")),
    (r"expected token 'in', got", _plainly("write the loop like {% for service in strategy.services %}")),
    (r"expected token 'name', got", _plainly("a name is missing here")),
    (r"expected name or number", _plainly("a name is missing after the dot")),
    (r"expected token '(.+)', got '(.+)'", _other_token),
    (r"Expected an expression, got '(.+)'", _plainly(r"a value is missing before this \1")),
    (r"unexpected '(.+)'", _plainly(r"\1 cannot stand here; remove it")),
)


def _marks(place: int, source: Source) -> tuple[str, str]:
    """How the tag begins that the place is in, and how it ends."""
    return ("{{", "}}") if source.text.startswith("{{", source.tag(place) - 1) else ("{%", "%}")


def _opening(kind: str, place: int, source: Source) -> int:
    """The place of the last tag of this kind before a place that is not closed."""
    opened: list[int] = []
    for found in _OPENED.finditer(source.text, 0, place):
        if found[1] == kind:
            opened.append(found.start() + 1)
        elif found[1] == f"end{kind}" and opened:
            opened.pop()
    return opened[-1] if opened else place


def _opener(tag: str) -> str:
    return "if" if tag.startswith("el") else tag.removeprefix("end")


def _innermost(message: str) -> str:
    found = _INNERMOST.search(message)
    return found[1] if found else ""
