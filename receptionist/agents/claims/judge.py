"""Which sentences of a reply claim that something was done or will be done, and which of them no tool backs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from receptionist.agents.claims.frames import frames
from receptionist.agents.claims.rules import LANGUAGES, Rules, abbreviations, contractions, rules, typed
from receptionist.agents.claims.sentences import Sentence, Shortened, sentences, words

_WORD = re.compile("[^ ]+")
LOOK_BACK = 300
"""Characters before a claim that are looked at for what makes it harmless."""
LONG_SENTENCE = 1000
"""Characters of a sentence that is searched from end to end."""
MAX_CLAIMS = 40
"""Sentences that claim something, after which the rest of a reply is taken for one more."""
MAX_LOOKS = 12
"""Harmless claims in one sentence; with more of them it is not harmless, and nobody's time is worth it."""
BACKED_BY = {
    "booked": frozenset(("booked", "moved")),
    "promised": frozenset(("promised", "handed_over", "callback")),
    "callback": frozenset(("callback", "promised", "handed_over")),
    "will_send": frozenset(("sent", "promised", "handed_over", "callback")),
}
"""Which tools' claims back a claim besides its own kind. A tool of any kind backs `done` ("All done!")."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence that claims something. `kind`: see `rules.KINDS`; `group`: whether it says that something was done
    (`performed`, `state`, `thing`) or will be (`announced`, `promised`); `start` and `end`: its place in the reply;
    `others`: kinds that it may as well be of."""

    kind: str
    group: str
    sentence: str
    words: str
    language: str
    start: int
    end: int
    others: frozenset[str] = frozenset()


def claims_of(text: str, language: str | None = None) -> list[Claim]:
    """What a reply claims, at most one claim of a kind in a sentence; in any language where none is given."""
    found = sentences(text, abbreviations(), _shortened())
    languages = [rules(language)] if language is not None else [rules(each) for each in LANGUAGES]
    claims: list[Claim] = []
    for index, sentence in enumerate(found):
        spoken = set(sentence.words.split())
        before = len(claims)
        for each in languages:
            if triggers := spoken & each.triggers.keys():
                claims += _of_sentence(text, found, index, each, triggers)
        if len(claims) == before:
            for each in _spoken_in(languages, spoken):
                claims += _of_frames(text, found, index, each, spoken)
        if len(claims) >= MAX_CLAIMS:
            return [*claims[:-1], replace(claims[-1], end=len(text))]
    return claims


def unbacked(text: str, done: Collection[str], language: str | None = None) -> list[Claim]:
    """The claims of a reply that no tool backs. `done`: the kinds of claims that done tool calls of this turn back."""
    return [claim for claim in claims_of(text, language) if not is_backed(claim, done)]


def is_backed(claim: Claim, done: Collection[str]) -> bool:
    """Whether something of what was done makes the claim true."""
    if claim.kind == "done":
        return bool(done)
    if not claim.others.isdisjoint(done):
        return True
    return not BACKED_BY.get(claim.kind, frozenset((claim.kind,))).isdisjoint(done)


def repeats(claim: Claim, said: Iterable[str]) -> bool:
    """Whether one of the texts claimed just that: in a sentence that has all of this one's telling words."""
    new = _telling(claim.sentence) - rules(claim.language).fillers
    earlier = (each for text in said for each in claims_of(text, claim.language))
    return any(each.kind == claim.kind and new <= _telling(each.sentence) for each in earlier)


@cache
def _shortened() -> Shortened:
    return Shortened(contractions(), typed())


def _telling(sentence: str) -> set[str]:
    return {word for word in words(sentence, _shortened()).split() if word[0].isalnum()}


def _of_sentence(
    text: str, found: Sequence[Sentence], index: int, language: Rules, triggers: Collection[str]
) -> Iterator[Claim]:
    sentence = found[index]
    claimed: dict[str, tuple[int, int]] = {}
    looks = 0
    for number in sorted({number for word in triggers for number in language.triggers[word]}):
        pattern = language.patterns[number]
        for match in _matches(pattern.regex, sentence.words, triggers):
            kind, (start, end) = match.lastgroup or "", match.span()
            if kind in claimed or any(begun < end - 1 and start < ended - 1 for begun, ended in claimed.values()):
                continue  # the same words in another way: "I have scheduled a callback" is no booking
            looks += 1
            if looks <= MAX_LOOKS and _is_harmless(match.span(), pattern.group, found, index, language):
                continue
            claimed[kind] = match.span()
            yield _claim(text, found, index, kind, pattern.group, match.span(), language)


def _spoken_in(languages: Sequence[Rules], spoken: Collection[str]) -> list[Rules]:
    """The languages that a sentence may be in: those with the most of its words that tell a language."""
    if len(languages) == 1:
        return list(languages)
    told = [len(frames(each.language).common.intersection(spoken)) for each in languages]
    return [each for each, number in zip(languages, told, strict=True) if number == max(told)]


def _of_frames(
    text: str, found: Sequence[Sentence], index: int, language: Rules, spoken: Collection[str]
) -> Iterator[Claim]:
    """At most one claim: what no pattern knows word for word, but the words of which say it together."""
    known = frames(language.language)
    if known.cores.isdisjoint(spoken):
        return
    sentence = found[index]
    places = [match.start() - 1 for match in _WORD.finditer(sentence.words)] + [len(sentence.words) - 1]
    for kind, group, start, end in known.claims(sentence.words.split()):
        span = (places[start], places[min(end, len(places) - 1)] + 1)
        if not _is_harmless(span, group, found, index, language):
            yield _claim(text, found, index, kind, group, span, language)
            return


def _others(kind: str, span: tuple[int, int], found: Sequence[Sentence], index: int, language: Rules) -> frozenset[str]:
    """Kinds that the claim may as well be of, by what it is about: "Your call is booked for Tuesday" may tell of a
    callback, "I've got your number down" of a note; and "Booked! We'll call you at 9." of a callback, too."""
    sentence, (start, end) = found[index], span
    within = _last_part(language.clause, sentence.words[max(0, start - LOOK_BACK) : start + 1])
    within += sentence.words[start + 1 : end]
    after = sentence.words[end - 1 : end + LOOK_BACK]
    told = _told_next(found, index, language)
    return frozenset(
        other.kind
        for other in language.other
        if kind in other.sounds
        and (
            ((other.within.search(within) or other.after.match(after)) and not other.besides.search(sentence.words))
            or (other.next and other.next.match(told) and not other.besides.search(sentence.words + told))
        )
    )


def _told_next(found: Sequence[Sentence], index: int, language: Rules) -> str:
    """The words of the next sentence, if this one says with one word that something was done ("Great, that's booked!"),
    and the next one is a plain statement; else empty."""
    telling = [word for word in found[index].words.split() if word[0].isalnum() and word not in language.fillers]
    following = found[index + 1 : index + 2]
    if len(telling) > 1 or not following or following[0].asks:
        return ""
    told = following[0].words
    doubted = any(language.harmless[name].search(told) for name in ("negated", "conditional"))
    return "" if doubted else told


def _claim(
    text: str,
    found: Sequence[Sentence],
    index: int,
    kind: str,
    group: str,
    span: tuple[int, int],
    language: Rules,
) -> Claim:
    sentence = found[index]
    whole, said = text[sentence.start : sentence.end].strip(), sentence.words[slice(*span)].strip()
    others = _others(kind, span, found, index, language)
    return Claim(kind, group, whole, said, language.language, sentence.start, sentence.end, others)


def _matches(regex: re.Pattern[str], words: str, triggers: Collection[str]) -> Iterator[re.Match[str]]:
    """The matches in a sentence; in a very long one only where a trigger is near."""
    if len(words) <= LONG_SENTENCE:
        yield from regex.finditer(words)
        return
    places = sorted(match.start() for word in triggers for match in re.finditer(f" {re.escape(word)} ", words))
    begun = ended = 0
    for place in [*places, len(words) + 2 * LOOK_BACK]:
        if place - LOOK_BACK > ended:
            yield from regex.finditer(words, begun, ended)
            begun = words.rfind(" ", 0, max(1, place - LOOK_BACK)) if place > LOOK_BACK else 0
        ended = place + LOOK_BACK // 3


def _is_harmless(span: tuple[int, int], group: str, found: Sequence[Sentence], index: int, language: Rules) -> bool:
    """Whether the sentence says something else than that it was or will be done: see `harmless` in the rules. `span`:
    the claim's place among the words, with a space before and after it."""
    sentence, harmless = found[index], language.harmless
    start, end = span
    before = sentence.words[max(0, start - LOOK_BACK) : start + 1]
    after = sentence.words[end - 1 : end + LOOK_BACK]
    within = _last_part(language.clause, before) + sentence.words[start + 1 : end]
    if harmless["negated"].search(within) or harmless["conditional"].search(within):
        return True
    if harmless["reported"].search(before) or (sentence.asks and _is_asked(before, after, language)):
        return True
    if harmless["described"].match(after):
        return True
    if group == "performed":
        return False
    earlier = _last_part(language.strong, before)
    if any(harmless[name].search(earlier) for name in ("conditional", "regret", "howto")):
        return True
    if group == "thing" and (harmless["taken"].search(sentence.words) or _asks_for_more(found, language)):
        return True
    if harmless["usual"].search(sentence.words) or harmless["later"].match(after):
        return True
    return group == "announced" and (bool(harmless["conditional"].search(after)) or _asks_for_more(found, language))


def _last_part(boundary: re.Pattern[str], before: str) -> str:
    """What follows the last boundary, with a space before it."""
    ends = [match.end() - 1 for match in boundary.finditer(before)]
    return before[ends[-1] :] if ends else before


def _is_asked(before: str, after: str, language: Rules) -> bool:
    """Whether the question is about the claim: "Have I booked …?", but not "I have booked it, is that all right?"."""
    opens = language.harmless["asking"].match(_last_part(language.strong, before))
    return bool(opens) or not language.clause.search(after.removesuffix(" ? ") + " ")


def _asks_for_more(found: Sequence[Sentence], language: Rules) -> bool:
    """Whether the reply asks for something, so that what it announces is not over yet."""
    harmless = language.harmless
    return any(
        harmless["wanted"].search(sentence.words)
        or harmless["agreed"].search(sentence.words)
        or (sentence.asks and not harmless["closing"].search(sentence.words))
        for sentence in found
    )
