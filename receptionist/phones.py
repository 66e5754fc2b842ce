"""Phone numbers as people write them, made into the one form that is stored and compared: E.164, "+4930123456"."""

from __future__ import annotations

import re
import unicodedata

import phonenumbers

LONGEST = 40
"""Characters of the longest text that is read as a number; 15 digits with all their spaces and brackets fit."""

_WRITTEN = re.compile(r"(tel:)?\+?[0-9 ()\[\]./\-]+", re.IGNORECASE)
_SHAPE = re.compile(r"\+[1-9][0-9]{6,14}")


def e164(text: str, country: str | None) -> str | None:
    """The number in E.164, or None where `text` is not a number that can be dialled from abroad.

    `country` (ISO 3166-1 alpha-2) is where numbers without a country code are from; without it they cannot be read.
    Only whether a number of that length exists in its country is checked, not whether anybody has it. Extensions,
    letters and words cannot be said in E.164, so a text with any is not read: keep it as text.
    """
    plain = unicodedata.normalize("NFKC", text[: LONGEST + 1]).strip()
    plain = re.sub(r"[\u2010-\u2015\u2212]", "-", "".join(map(_ascii, plain)))
    if len(text) > LONGEST or not _WRITTEN.fullmatch(plain):
        return None
    try:
        number = phonenumbers.parse(plain, country)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None  # among others a local number, which lacks its area code
    found = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return found if _SHAPE.fullmatch(found) else None


def proved(text: str) -> str | None:
    """A number that its channel proved, which counts even where our list of countries' lengths is behind."""
    return e164(text, None) or (text if _SHAPE.fullmatch(text) else None)


def national(number: str) -> str:
    """The digits of a number in E.164 without its country code; empty where that cannot be told."""
    try:
        return phonenumbers.national_significant_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return ""


def is_country(code: str) -> bool:
    """Whether there are phone numbers of this country: ISO 3166-1 alpha-2, in capitals."""
    return code in phonenumbers.SUPPORTED_REGIONS


def _ascii(letter: str) -> str:
    """Decimal digits of other scripts as ours, invisible marks of writing direction as nothing."""
    if unicodedata.category(letter) == "Cf":
        return ""
    digit = unicodedata.decimal(letter, None)
    return letter if digit is None else str(digit)
