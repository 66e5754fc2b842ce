"""The rules: each looks at a turn and answers one thing, or None; no rule knows any business."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

from .turn import ASK_NAME, ASK_PHONE, Turn
from .words import MONTHS, STOP, WEEKDAYS, best_matches, stems

PRICE = r"\b(price|prices|cost|costs|how much|charge|fee)\b"


def identity(turn: Turn) -> str | None:
    """What answers here."""
    return f"I am an automated assistant of {turn.variables['account']['name']}." if turn.asks_identity else None


def noted(turn: Turn) -> str | None:
    """What was noted about the customer, and the question for what is missing."""
    if not (turn.given or turn.wants_call):
        return None
    if "note_lead" not in turn.tools and "note_lead" not in turn.outputs:
        return "I cannot take that down here. " + (contact_line(turn) or "")
    result = _result(turn.outputs.get("note_lead", ""))
    written = result.get("noted", {})
    known = {key: value for key, value in turn.variables["lead"].items() if value} | written
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
    if not known.get("name"):
        said.append(ASK_NAME)
    elif not known.get("phone") and not known.get("email"):
        said.append(ASK_PHONE)
    return " ".join(said)


def person(turn: Turn) -> str | None:
    """Whether a person was asked to take over."""
    if not turn.wants_person:
        return None
    output = turn.outputs.get("hand_over")
    if output is not None and _result(output).get("handed_over"):
        return "I have asked a person of our team to take over; somebody will answer you here."
    failed = f"I could not reach a person just now: {output}" if output else "I cannot pass you on from here."
    return f"{failed} {contact_line(turn) or ''}".strip()


def hours(turn: Turn) -> str | None:
    """When the business is open: now, on the days asked about, or in general."""
    days = _asked_days(turn)
    if not turn.says(
        r"\b(open|opened|opening|hours|close|closes|closed|closing|shut)\b|\bcome (by|in|over|round)\b"
    ) and not (days and turn.says(r"\b(when|what time|until|till|how late|are you there)\b")):
        return None
    if not (turn.strategy["opening_hours"] or turn.strategy["exceptions"]):
        return "I have no opening hours on record here."
    if turn.date is not None:
        return _hours_on(turn, turn.date)
    week = turn.variables["hours_week"]
    if turn.says(r"\bnow\b|\bcurrently\b|\bstill open\b") or (
        not days and turn.says(r"\b(are you|you are|is it) (open|closed)\b")
    ):
        state = "open" if turn.variables["open_now"] else "closed"
        return f"We are {state} right now. " + _day_line("Today", week[0])
    if days:
        return " ".join(_day_line(name, day) for name, day in days)
    return "Our opening hours: " + "; ".join(turn.strategy["hours_text"]) + "."


def services(turn: Turn) -> str | None:
    """What the services asked about are and cost, or all of them."""
    if turn.wants_person and not turn.says(PRICE):
        return None
    offered = turn.strategy["services"]
    lines = turn.strategy["services_text"]
    found = named_services(turn)
    if found:
        return " ".join(f"{lines[index].rstrip('.')}." for index in found)
    everything = turn.says(r"\b(prices|price ?list|services)\b|\bwhat (do|can) you (do|offer|repair|sell|fix)\b")
    if not offered or not (everything or (turn.says(PRICE) and not facts(turn))):
        return None
    priced = [f"{service['name']}, {service['price'] or 'price on request'}" for service in offered]
    return f"We offer: {'; '.join(priced)}."


def named_services(turn: Turn) -> list[int]:
    """The services the turn names, at most three."""
    offered = turn.strategy["services"]
    return best_matches(turn.words, [dict.fromkeys({*stems(each["name"])} - STOP, 1.0) for each in offered], 0.99)[:3]


def facts(turn: Turn) -> str | None:
    """The facts the turn asks about."""
    known = turn.strategy["facts"]
    entries = [
        {
            **dict.fromkeys((word for word in stems(fact["text"]) if len(word) > 2), 0.6),
            **dict.fromkeys({*stems(fact["topic"])} - STOP, 2.0),
        }
        for fact in known
    ]
    others = turn.asks_identity or turn.wants_person or named_services(turn) or hours(turn) or contact(turn)
    found = best_matches(turn.words, entries, at_least=1.3 if others else 0.6)[:2]  # beside an answer: by topic only
    return " ".join(known[index]["text"] for index in found) or None


def contact(turn: Turn) -> str | None:
    """Address, phone, e-mail and website, as far as asked for."""
    wanted = {
        "address": r"\b(address|located|location|directions|(find|get to) you|where are you|where is your \w+)\b",
        "phone": r"\b(your|the|a) (phone|telephone)\b|\b(your|phone|telephone) number\b|\bcall you\b|\breach you\b",
        "email": r"\be-?mail\b(?!.*@)|\bwrite (to )?you\b",
        "website": r"\b(website|web ?site|home ?page|online shop)\b",
    }
    titles = {
        "address": "Our address is",
        "phone": "Our phone number is",
        "email": "Our e-mail address is",
        "website": "Our website is",
    }
    found = [key for key, pattern in wanted.items() if turn.says(pattern) and key not in turn.given]
    said = [f"{titles[key]} {turn.strategy[key]}." for key in found if turn.strategy[key]]
    missing = [key for key in found if not turn.strategy[key]]
    return " ".join(said + [f"I have no {key} on record here." for key in missing]) or None


def manners(turn: Turn) -> str | None:
    """Thanks, goodbyes and a bare "ok"."""
    if turn.says(r"\b(bye|goodbye|see you|good night|have a (nice|good|great))\b"):
        return "Goodbye, and thank you for writing!"
    if turn.says(r"^\W*(ok|okay|fine|great|perfect|all ?right|cool|yes|yep|no|nope)\W*$|^\s*👍+\s*$"):
        return "All right. Is there anything else you would like to know?"
    return "You're welcome!" if turn.says(r"\b(thanks|thank you|thx|cheers)\b") and not turn.given else None


RULES: tuple[Callable[[Turn], str | None], ...] = (identity, person, noted, hours, services, facts, contact, manners)


def contact_line(turn: Turn) -> str | None:
    """How else to reach the business."""
    ways = [turn.strategy[key] for key in ("phone", "email") if turn.strategy[key]]
    return f"You can reach us at {' or '.join(ways)}." if ways else None


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
    name = turn.variables["lead"].get("name")
    hello = f"Hello {name}!" if name else "Hello!"
    if alone:
        hello = _by_name(turn.strategy["greeting"], name) if first else f"{hello} How can I help you?"
    if not (first and turn.strategy["disclosure"]) or turn.asks_identity:
        return hello
    return (
        f"{hello} I am {turn.strategy['agent_name']}, the automated assistant of {turn.variables['account']['name']}."
    )


def _by_name(greeting: str, name: str | None) -> str:
    """The business's greeting with the customer's name put in after its hello, or before it."""
    if not name:
        return greeting
    hello = re.match(r"(hello|hi|welcome|good day)\b", greeting, re.I)
    return f"{hello[0]} {name}{greeting[hello.end() :]}" if hello else f"{name}: {greeting}"


def reply(turn: Turn) -> str:
    """The whole answer: the opening, then what every rule has to say."""
    answers = [answer for rule in RULES if (answer := rule(turn))]
    only_greeting = not answers and turn.says(
        r"^\W*(hi|hello|hey|hiya|howdy|greetings|good \w+)( there| all| everyone)?\W*$"
    )
    if not answers and not only_greeting:
        answers = [fallback(turn)]
    return " ".join(part for part in (opening(turn, only_greeting), *answers) if part)


def wanted_calls(turn: Turn) -> Iterator[tuple[str, dict[str, Any]]]:
    """The tools this turn needs and may use, with their arguments."""
    if turn.given or (turn.wants_call and turn.variables["lead"].get("phone")):
        note = f"Wants to be contacted: {turn.text[:300]}" if turn.wants_call else None
        empty = {"name": None, "phone": None, "email": None, "company": None}
        yield "note_lead", {**empty, **turn.given, "note": note}
    if turn.wants_person:
        complaint = turn.says(r"\bcomplain(t|ts|ing)?\b|\b(accident|injured)\b")
        reason = "A complaint or an accident" if complaint else "The customer asked for a person"
        yield "hand_over", {"reason": reason, "summary": turn.text[:500]}
    near = {day["date"] for day in turn.variables["hours_week"]}
    if turn.date is not None and turn.date.isoformat() not in near and hours(turn):
        yield "open_times", {"day": turn.date.isoformat()}


def _result(output: str) -> dict[str, Any]:
    """A tool's result; empty for the plain words of an error."""
    try:
        value = json.loads(output)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _asked_days(turn: Turn) -> list[tuple[str, Mapping[str, str]]]:
    week = turn.variables["hours_week"]
    found = [
        (name, week[index])
        for index, name in enumerate(("Today", "Tomorrow"))
        if turn.says(rf"\b({name}|{'tonight' if not index else 'tmrw'})\b")
    ]
    named = {day[:3] for day in WEEKDAYS if turn.says(rf"\b({day}s?|{day[:3]})\b(?<!\bsun)(?<!\bsat)")}
    named |= {"sat", "sun"} if turn.says(r"\bweekends?\b") else set()
    return found + [("", day) for day in week if day["day"][:3].lower() in named]


def _day_line(name: str, day: Mapping[str, str]) -> str:
    label = f"{name} ({day['day']})" if name else f"On {day['day']}"
    closed = day["hours"].startswith("closed")
    return f"{label} we are {day['hours'] if closed else 'open ' + day['hours']}."


def _hours_on(turn: Turn, day: date) -> str:
    near = [
        entry
        for entry in turn.variables["hours_week"] + turn.variables["hours_exceptions"]
        if entry["date"] == day.isoformat()
    ]
    told = _result(turn.outputs.get("open_times", ""))
    if told.get("day") and told.get("hours"):
        near = [told]
    if near:
        return _day_line("", {**near[0], "day": f"{near[0]['day']}, {day.day} {MONTHS[day.month - 1].capitalize()}"})
    usual = turn.strategy["hours_text"][day.weekday()]
    return f"Our usual hours that day of the week are {usual}."
