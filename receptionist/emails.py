"""E-mail addresses: as people write them, as they are stored and sent to, and as they are compared."""

from __future__ import annotations

import re
import string
import unicodedata

LONGEST = 320

_SMALL = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_SHAPE = re.compile(r"(?!')[^@\s<>\",;]{1,64}(?<!')@[A-Za-z0-9.-]{1,190}\.[A-Za-z]{2,24}")
"""An apostrophe within the name is part of it (o'brien@), around it it is a quotation mark."""


def address(text: str) -> str | None:
    """The address with its domain in lower case, or None where `text` is none.

    What stands before the @ is left as it is, for mail is sent there as its owner writes it (RFC 5321, 2.4); only
    full-width and invisible characters are put right. To compare two addresses take their `key`.
    """
    plain = unicodedata.normalize("NFKC", text[: LONGEST + 1])
    plain = "".join(letter for letter in plain if unicodedata.category(letter) not in {"Cf", "Cc"}).strip()
    if len(text) > LONGEST or not _SHAPE.fullmatch(plain):
        return None
    return same(plain)


def same(address: str) -> str:
    """An address that is one already, with its domain in lower case."""
    name, at, domain = address.rpartition("@")
    return f"{name}{at}{domain.lower()}"


def key(address: str) -> str:
    """The form in which addresses are compared: without capitals, as every provider treats its mailboxes, whatever
    RFC 5321 allows. Only A to Z are made small, so that no two other letters become one and nobody is taken for
    somebody else (as by "\u212a", which Python makes a small k)."""
    return same(address).translate(_SMALL)
