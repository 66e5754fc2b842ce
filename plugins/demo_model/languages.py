"""Which language a text is in, by its most common words, and what to say where it is not English."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ENGLISH = frozenset(
    [
        "a",
        "about",
        "and",
        "any",
        "are",
        "at",
        "can",
        "could",
        "do",
        "does",
        "for",
        "have",
        "hello",
        "hey",
        "hi",
        "how",
        "i",
        "in",
        "is",
        "it",
        "my",
        "of",
        "on",
        "open",
        "please",
        "the",
        "there",
        "this",
        "to",
        "today",
        "tomorrow",
        "we",
        "what",
        "when",
        "where",
        "who",
        "with",
        "would",
        "you",
        "your",
    ]
)
_COMMON = {
    "es": "hola buenos buenas días dias tardes qué cuándo cuando dónde donde cuánto cuanto cuesta está están estan "
    "abierto abierta abiertos hoy mañana usted ustedes tienen tiene puedo quiero necesito gracias por para una los las "
    "mi bicicleta horario precio el cuál hasta sábado domingo lunes",
    "de": "hallo guten tag morgen abend wann wie wo ist sind sie ihr haben habt ich bin mein meine nicht das ein eine "
    "und oder bitte danke heute geöffnet offen viel kostet kosten kann können möchte für mit fahrrad öffnungszeiten "
    "samstag sonntag montag auf rufen",
    "fr": "bonjour bonsoir salut quand où est êtes etes vous je suis mon ma une les combien coûte coute ouvert ouverts "
    "ouverte aujourd demain merci pour avec prix vélo velo horaires quel quelle quels puis voudrais samedi dimanche "
    "lundi pas que",
}
_WORDS = {language: frozenset(words.split()) for language, words in _COMMON.items()}
_HELLO = frozenset(
    ["hola", "hallo", "bonjour", "bonsoir", "salut", "buenos", "buenas", "guten", "gracias", "danke", "merci"]
)
_TEXTS = {
    "es": "Esta demostración solo habla inglés. Un modelo real habla los idiomas indicados en la estrategia: {}.",
    "de": "Diese Demo spricht nur Englisch. Ein echtes Modell spricht die Sprachen, die die Strategie nennt: {}.",
    "fr": "Cette démo ne parle qu'anglais. Un vrai modèle parle les langues que la stratégie indique : {}.",
}


def foreign_language(text: str) -> str | None:
    """ "es", "de" or "fr" where a text has more common words of that language than English ones."""
    words = set(re.findall(r"[^\W\d_]+", text.lower()))
    counts = {language: len(words & common) for language, common in _WORDS.items()}
    best = max(counts, key=lambda language: counts[language])
    enough = counts[best] >= 2 or (len(words) <= 3 and bool(words & _HELLO))
    return best if enough and counts[best] > len(words & _ENGLISH) else None


def only_english(language: str, spoken: Sequence[str]) -> str:
    """That the demo speaks English only, in `language`, and which languages a real model would speak."""
    return _TEXTS[language].format(", ".join(spoken) or "English")
