"""Whether a customer's message is a no."""

from __future__ import annotations

import re
import unicodedata

REFUSALS = {
    "en": (
        "no; nope; nah; no thanks; no thank you; not now; not yet; rather not; please dont; dont; do not; stop; cancel;"
        " never mind; nevermind; wait; wrong; thats wrong; not that; no dont; no stop; no wait; forget it"
    ),
    "es": (
        "no; no gracias; ahora no; todavia no; aun no; mejor no; no por favor; no lo haga; no lo hagas; cancelar;"
        " cancela; cancele; pare; para; espera; espere; dejalo; dejelo; olvidalo; olvidelo; nada; de ninguna manera"
    ),
    "de": (
        "nein; nee; ne; nein danke; jetzt nicht; noch nicht; lieber nicht; bitte nicht; nicht; stopp; stop; halt;"
        " abbrechen; warte; warten sie; moment; doch nicht; vergiss es; vergessen sie es; auf keinen fall; falsch"
    ),
    "fr": (
        "non; non merci; pas maintenant; pas encore; plutot pas; ne le faites pas; ne le fais pas; annuler; annulez;"
        " annule; stop; arretez; arrete; attendez; attends; laissez tomber; laisse tomber; surtout pas; faux"
    ),
}
"""By language; folded as `clauses_of` folds a message."""

_WORDS = frozenset(each.strip() for words in REFUSALS.values() for each in words.split(";"))
LONGEST = 4000
"""Characters that are looked at."""

_CLAUSE_ENDS = re.compile(r"[.,;:!?\n()\u2013\u2014]+|\s-+\s")


def is_refusal(text: str) -> bool:
    """Whether `text` is a plain refusal in any of the languages, or begins with one: "No, thanks!" and "No, make it
    Friday" are, "no problem" is none.

    A number sign or emoji around the words makes no difference, nor do capitals and accents."""
    clauses = clauses_of(text[:LONGEST])
    return bool(clauses) and clauses[0] in _WORDS


def clauses_of(text: str) -> list[str]:
    """What stands between marks, as words without capitals, accents, apostrophes and signs, one space between them."""
    return [clause for clause in map(_folded, _CLAUSE_ENDS.split(text)) if clause]


def _folded(clause: str) -> str:
    plain = unicodedata.normalize("NFKD", clause.casefold())
    kept = (
        letter if letter.isalnum() else "" if letter in "'\u2019" or unicodedata.combining(letter) else " "
        for letter in plain
    )
    return " ".join("".join(kept).split())
