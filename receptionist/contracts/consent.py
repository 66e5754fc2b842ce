"""Words by which customers refuse or allow messages."""

from __future__ import annotations

import unicodedata

from receptionist.contracts.messages import Consent

STOP = frozenset(
    ("stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "opt out", "opt-out")
)
START = frozenset(("start", "unstop", "yes", "subscribe", "optin", "opt in", "opt-in"))
HELP = frozenset(("help", "info"))

ANSWERS = frozenset(("yes",))
"""Words of START that are ordinary answers to who did not refuse messages: no consent is to be read out of them."""

_LONGEST = 40


def consent_word(text: str) -> Consent:
    """Whether `text` is nothing but a word of consent: "stop", "start", "help", else "".

    The words Twilio acts on (twilio.com/docs/messaging/tutorials/advanced-opt-out) and the FCC names (47 CFR
    64.1200(a)(10)). Width, case, invisible characters and punctuation around the word make no difference; the word
    within a sentence is none ("don't stop"). "yes" allows messages only to who had refused them: see `Inbound`.
    """
    word = _word(text)
    if word in STOP:
        return "stop"
    if word in START:
        return "start"
    return "help" if word in HELP else ""


def is_answer(text: str) -> bool:
    """Whether a text that allows messages may as well be the answer to a question: "yes"."""
    return _word(text) in ANSWERS


def _word(text: str) -> str:
    if len(text) > _LONGEST:
        return ""
    plain = unicodedata.normalize("NFKC", text)
    plain = "".join(character for character in plain if unicodedata.category(character) not in {"Cf", "Cc", "Mn"})
    return " ".join(plain.casefold().split()).strip(" .,!?\"'`*()[]-_:;\u2018\u2019\u201c\u201d\u2026")
