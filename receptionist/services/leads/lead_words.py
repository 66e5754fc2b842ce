"""The words by which leads are found: folded, so that capitals, accents and full width make no difference."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import sqlalchemy as sa

from receptionist.db import Scope
from receptionist.models import LeadWord, table
from receptionist.phones import national

LONGEST = 80
MOST = 60
"""Words that are kept of one lead; names of 200 characters have fewer."""

SOURCES = ("name", "email", "phone", "company")
"""The fields whose words are kept."""

_STROKES = str.maketrans({"æ": "ae", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ł": "l", "ø": "o", "œ": "oe", "þ": "th"})
"""Letters with an accent that Unicode does not take for one."""

_words = table(LeadWord)
FORGET = sa.delete(_words).where(
    _words.c.account_id == sa.bindparam("b_account"), _words.c.lead_id == sa.bindparam("b_lead")
)


def folded(text: str) -> str:
    """`text` for comparing: no capitals, accents, invisible characters or writing direction, one width."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return "".join(letter for letter in plain if unicodedata.category(letter) not in {"Cf", "Cc", "Mn"}).translate(
        _STROKES
    )


def words(text: str) -> list[str]:
    """The folded words of a text: letters and digits, at most 80 characters of each."""
    plain = unicodedata.normalize("NFKC", text)
    plain = "".join(" " if unicodedata.category(letter) == "Cc" else letter for letter in plain)
    letters = (letter if unicodedata.category(letter)[0] in "LNM" else " " for letter in folded(plain))
    return [word[:LONGEST] for word in "".join(letters).split()]


def of(name: str | None, email: str | None, phone: str | None, company: str | None) -> list[str]:
    """The words of a lead: its e-mail address whole, the phone number's digits with and without the country code, and
    the words of its name, its company and the parts of the address."""
    found: dict[str, None] = dict.fromkeys([of_email(email)] if email else ())
    if phone:
        found |= dict.fromkeys(filter(None, ("".join(filter(str.isdecimal, phone)), national(phone))))
    found |= dict.fromkeys(words(name or "") + words(company or "") + words(email or ""))
    return list(found)[:MOST]


def of_email(email: str) -> str:
    """The word by which the lead with an e-mail address is found, and perhaps some others."""
    return folded(email)[:LONGEST]


def keep(scope: Scope, lead_id: int, found: Iterable[str], *, new: bool = False) -> None:
    """Let a lead be found by these words and no others; `new`: it has none yet."""
    if not new:
        scope.execute(FORGET, b_lead=lead_id)
    rows = [{"account_id": scope.account_id, "lead_id": lead_id, "word": word} for word in found]
    if rows:
        scope.connection.execute(sa.insert(_words), rows)
