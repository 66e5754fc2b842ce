"""How revision 0003 writes e-mail addresses, and the words leads are found by. Frozen: a migration does the same for
ever, while what the rest of the program does may change."""

from __future__ import annotations

import unicodedata

import phonenumbers

LONGEST = 80
MOST = 60

_STROKES = str.maketrans({"æ": "ae", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ł": "l", "ø": "o", "œ": "oe", "þ": "th"})


def email(address: str) -> str:
    """An address with its domain in lower case."""
    name, at, domain = address.rpartition("@")
    return f"{name}{at}{domain.lower()}"


def words_of(name: str | None, address: str | None, phone: str | None, company: str | None) -> list[str]:
    """The folded words of name and company, the e-mail address whole and in parts, and the phone number's digits with
    and without the country code."""
    found: dict[str, None] = dict.fromkeys(_words(name or "") + _words(company or ""))
    if address:
        found |= dict.fromkeys([_folded(address)[:LONGEST], *_words(address)])
    if phone:
        found |= dict.fromkeys(filter(None, ("".join(filter(str.isdecimal, phone)), _national(phone))))
    return list(found)[:MOST]


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return "".join(letter for letter in plain if unicodedata.category(letter) not in {"Cf", "Cc", "Mn"}).translate(
        _STROKES
    )


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", text)
    plain = "".join(" " if unicodedata.category(letter) == "Cc" else letter for letter in plain)
    letters = (letter if unicodedata.category(letter)[0] in "LNM" else " " for letter in _folded(plain))
    return [word[:LONGEST] for word in "".join(letters).split()]


def _national(number: str) -> str:
    try:
        return phonenumbers.national_significant_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return ""
