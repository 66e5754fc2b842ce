"""The rules: each looks at a turn and answers one thing, or None; no rule knows any business."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from .facts import facts
from .hours import days_to_look_up, hours
from .languages import only_english
from .offers import no_price, services
from .turn import ASK_EITHER, ASK_NAME, ASK_PHONE, Turn
from .ways import contact, contact_line

REHEARSED = "This is a rehearsal:"
"""How core begins what it says in place of a tool's result."""


def identity(turn: Turn) -> str | None:
    """What answers here."""
    return f"I am an automated assistant of {turn.variables['account']['name']}." if turn.asks_identity else None


def noted(turn: Turn) -> str | None:
    """What was noted about the customer, and the question for what is missing."""
    if not (turn.given or turn.wants_call):
        return None
    if "note_lead" not in turn.tools and "note_lead" not in turn.outputs:
        return "I cannot take that down here. " + (contact_line(turn) or "")
    written = _result(turn, "note_lead").get("noted", {})
    known = {key: value for key, value in turn.lead.items() if value} | written
    titles = {
        "name": "name",
        "phone": f"phone number {written.get('phone')}",
        "email": f"e-mail {written.get('email')}",
    }
    shown = [title for key, title in titles.items() if key in written]
    said = [f"Thank you{', ' + known['name'] if known.get('name') else ''}."] if written else []
    if shown or written:
        said.append(f"I have noted your {' and '.join(shown) or 'request'}.")
    if not written and turn.outputs.get("note_lead"):
        said.append(f"I could not note that: {turn.outputs['note_lead']}")
    if turn.wants_person and not (known.get("phone") or known.get("email")):
        pass  # the rule `person` asks how to reach them
    elif not known.get("name"):
        said.append(ASK_NAME)
    elif not known.get("phone") and not known.get("email"):
        said.append(ASK_PHONE)
    return " ".join(said)


def person(turn: Turn) -> str | None:
    """Whether a person was asked to take over."""
    if not turn.wants_person:
        return None
    output = turn.outputs.get("hand_over")
    if _result(turn, "hand_over").get("handed_over"):
        told = "I have told the business that you would like to talk to a person; somebody will get back to you."
        reachable = turn.lead.get("phone") or turn.lead.get("email") or turn.given.keys() & {"phone", "email"}
        return told if reachable or "note_lead" not in turn.tools else f"{told} {ASK_EITHER}"
    failed = f"I could not reach a person just now: {output}" if output else "I cannot pass you on from here."
    return f"{failed} {contact_line(turn) or ''}".strip()


def card(turn: Turn) -> str | None:
    """A warning where a card number was sent."""
    return "Please do not send card numbers here; nobody needs them in this chat." if turn.gives_card else None


def foreign(turn: Turn) -> str | None:
    """That only English is spoken here, in the language of the text."""
    return only_english(turn.language, turn.strategy["languages"]) if turn.language else None


def manners(turn: Turn) -> str | None:
    """Thanks, goodbyes and a bare "ok"."""
    if turn.says(r"\b(bye|goodbye|see you|good night|have a (nice|good|great))\b"):
        return "Goodbye, and thank you for writing!"
    if turn.says(r"^\W*(ok|okay|fine|great|perfect|all ?right|cool|yes|yep|no|nope)\W*$|^\s*👍+\s*$"):
        return "All right. Is there anything else you would like to know?"
    return "You're welcome!" if turn.says(r"\b(thanks|thank you|thx|cheers)\b") and not turn.given else None


RULES: tuple[Callable[[Turn], str | None], ...] = (
    *(identity, card, person, noted, hours, services, facts, contact, manners),
)
FOREIGN_RULES: tuple[Callable[[Turn], str | None], ...] = (foreign, card, noted)


def fallback(turn: Turn) -> str:
    """What can be asked here, and the offer to take a message."""
    topics = ["our opening hours"] if turn.strategy["opening_hours"] else []
    topics += ["services and prices"] if turn.strategy["services"] else []
    topics += [
        fact["topic"].lower() if not fact["topic"].isupper() else fact["topic"] for fact in turn.strategy["facts"][:4]
    ]
    said = ["I am not sure about that."]
    if topics:
        said.append(f"I can tell you about {', '.join(topics[:-1])}{' and ' if topics[1:] else ''}{topics[-1]}.")
    if "note_lead" in turn.tools:
        said.append("I can also take a message: just give me your name and phone number.")
    return " ".join(said)


def opening(turn: Turn, alone: bool) -> str:
    """The greeting, by name if it is known, and in the first reply who answers here."""
    first = turn.variables["conversation"]["first_reply"]
    greeted = turn.says(r"^\W*(hi|hello|hey|hiya|howdy|greetings|good (morning|afternoon|evening|day))\b")
    if not (first or greeted):
        return ""
    name = turn.lead.get("name")
    hello = f"Hello {name}!" if name else "Hello!"
    if alone:
        hello = _by_name(turn.strategy["greeting"], name) if first else f"{hello} How can I help you?"
    if not (first and turn.strategy["disclosure"]) or turn.asks_identity:
        return hello
    return (
        f"{hello} I am {turn.strategy['agent_name']}, the automated assistant of {turn.variables['account']['name']}."
    )


def _by_name(greeting: str, name: str | None) -> str:
    """The business's greeting with the customer's name put in after its hello, or before it, unless it is there."""
    if not name or name in greeting:
        return greeting
    hello = re.match(r"(hello|hi|welcome|good day)\b", greeting, re.I)
    return f"{hello[0]} {name}{greeting[hello.end() :]}" if hello else f"{name}: {greeting}"


def reply(turn: Turn) -> str:
    """The whole answer: the opening, then what every rule has to say."""
    answers = [answer for rule in (FOREIGN_RULES if turn.language else RULES) if (answer := rule(turn))]
    only_greeting = not answers and turn.says(
        r"^\W*(hi|hello|hey|hiya|howdy|greetings|good \w+)( there| all| everyone)?\W*$"
    )
    if not answers and not only_greeting:
        answers = [no_price(turn) or fallback(turn)]
    parts = [part for part in (opening(turn, only_greeting), *answers) if part]
    return ("\n" if any("\n" in part for part in parts) else " ").join(parts)


def wanted_calls(turn: Turn) -> Iterator[tuple[str, dict[str, Any]]]:
    """The tools this turn needs and may use, with their arguments."""
    if turn.given or (turn.wants_call and turn.lead.get("phone")):
        note = f"Wants to be contacted: {turn.text[:300]}" if turn.wants_call else None
        empty = {"name": None, "phone": None, "email": None, "company": None}
        yield "note_lead", {**empty, **turn.given, "note": note}
    if turn.wants_person:
        complaint = turn.says(r"\bcomplain(t|ts|ing)?\b|\b(accident|injured)\b")
        reason = "A complaint or an accident" if complaint else "The customer asked for a person"
        yield "hand_over", {"reason": reason, "summary": turn.text[:500]}
    for day in days_to_look_up(turn):
        yield "open_times", {"day": day.isoformat()}


def _result(turn: Turn, tool: str) -> dict[str, Any]:
    """A tool's result; empty for the plain words of an error. In a rehearsal, what it would have been."""
    output = turn.outputs.get(tool, "")
    if output.startswith(REHEARSED):
        arguments = dict(wanted_calls(turn)).get(tool, {})
        return {"noted": {name: value for name, value in arguments.items() if value}, "handed_over": True}
    try:
        value = json.loads(output)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
