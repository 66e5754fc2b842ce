"""Stays silent where an answer would only disturb: after reactions, and to answering machines.

Only within a conversation: whoever writes first is always answered. A thumb up is no mere reaction, for it may
mean yes; and a reaction to a question is its answer.
"""

from __future__ import annotations

import re

from receptionist import PromptContext, hookimpl

_FEELINGS = re.compile(r"[\s❤♥💙💚💛🧡💜🖤🤍💕💖💗💞😀-😎😍😘🥰🤗🙂😊🙏🎉🥳✨🏻-🏿\u200d\ufe0f]+")
_TAPBACK = re.compile(r"(?:Liked|Loved|Laughed at|Emphasized|Reacted \S{1,12} to) [“\"](?P<quoted>.*)[”\"]", re.DOTALL)
_MACHINE = re.compile(
    r"\s*(?:re: *)?(?:automatic reply|auto-?reply|out of office(?: reply)?|abwesenheitsnotiz|automatische antwort"
    r"|réponse automatique|respuesta automática) *(?:[:\n]|- )"
    r"|\s*this is an automat(?:ed|ic) (?:message|reply|response)\b",
    re.IGNORECASE,
)


def reason_for_silence(message: str) -> str | None:
    """Why this message, in a running conversation, needs no answer; None if it does."""
    if _FEELINGS.fullmatch(message):
        return "only a reaction"
    tapback = _TAPBACK.fullmatch(message.strip())
    if tapback and not tapback["quoted"].rstrip(" …").endswith("?"):
        return "only a reaction"
    return "an automatic reply" if _MACHINE.match(message) else None


@hookimpl
def veto_answer(context: PromptContext) -> str | None:
    """Silence for reactions and automatic replies, but never for the first message of a conversation."""
    return None if context.conversation.get("first_reply") else reason_for_silence(context.message)
