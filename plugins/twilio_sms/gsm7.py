"""What a text costs as SMS: GSM-7 or UCS-2, and in how many segments (3GPP TS 23.038)."""

from __future__ import annotations

import re

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("\f^{}\\[~]|€")
"""Characters that take two places."""

_PLAIN = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc\u0060\u00b4\u2039\u203a", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043", "-"),
    **dict.fromkeys("\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f", " "),
    **dict.fromkeys("\u2028\u2029\u0085", "\n"),
    **dict.fromkeys("\u2022\u2023\u25aa\u25cf\u00b7", "-"),
    "\u2026": "...",
    "\u2044": "/",
    "\u3000": " ",
    "\t": " ",
    "\u00ad": "",
    "\u2060": "",
    "\ufeff": "",
}
_TABLE = str.maketrans(_PLAIN)
_LINE_ENDS = re.compile(r"\r\n?")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def plain(text: str) -> str:
    """The text as it is sent: without control characters, and typographic quotes, dashes, dots and spaces as plain
    ones, for a single one of them makes the whole text cost twice. Letters and signs with a meaning stay."""
    return _CONTROLS.sub("", _LINE_ENDS.sub("\n", text).translate(_TABLE))


def units(text: str) -> int:
    """UTF-16 units: what an emoji has two of."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def is_gsm7(text: str) -> bool:
    """Whether no character of the text needs UCS-2."""
    return all(character in BASIC or character in EXTENDED for character in text)


def segments(text: str) -> int:
    """How many segments the text is charged as; no text is one."""
    if is_gsm7(text):
        widths, single, part = [1 + (character in EXTENDED) for character in text], 160, 153
    else:
        widths, single, part = [units(character) for character in text], 70, 67
    if sum(widths) <= single:
        return 1
    count, room = 1, part
    for width in widths:  # a character of two places is not cut in half
        if width > room:
            count, room = count + 1, part
        room -= width
    return count
