"""The turns that agents are made for in measurements: a plain one, and one in which everything is filled in."""

from __future__ import annotations

import time
from datetime import date, timedelta
from typing import Any, NamedTuple

from bench.floor.prompt import FIELDS
from receptionist.agents.brief import Brief, made_up_lead, prompt_context
from receptionist.agents.memory import goal_values
from receptionist.contracts.model import Said
from receptionist.contracts.session import Goal, GoalKind
from receptionist.contracts.strategy import StrategyFields
from receptionist.parts import Parts
from receptionist.services.conversations.sessions import SessionState
from receptionist.services.directory import Office, PublishedStrategy

FULL = "Everything"
"""The name of the strategy with every field set."""
ONE_OR_THE_OTHER = {"system_prompt_template", "prompt"}
"""Each takes the place of the bundled template, which is the longest of the three."""
MESSAGES = 20

_LEAD = {
    "id": 1,
    "name": "Zoë O'Brien-Łukaszewicz",
    "email": "zoe@example.org",
    "phone": "+353861234567",
    "company": "Straße & Söhne Ltd.",
    "status": "qualified",
    "language": "German",
    "timezone": "Europe/Berlin",
    "notes": "Rides a cargo bike, prefers the morning. Asked twice about the warranty of the brakes.\n" * 4,
    "tags": [f"tag-{number}" for number in range(12)],
    "custom": {f"field_{number}": f"value {number}" for number in range(10)},
}
_TALK = ("My brakes squeak since the last service; can you look at them this week?", "I can offer Friday at ten.")
_GOAL_SLOTS = {"service": "Full service", "day": "2031-05-02", "time": "10:00", "bike": "cargo bike, 2024"}


class _Message(NamedTuple):
    """A row of `messages`, as far as an agent needs it."""

    seq: int
    direction: str
    author: str
    text: str
    choices: tuple[str, ...] | None = None


def full_fields(parts: Parts) -> StrategyFields:
    """A strategy with every field set and every tool enabled. Raises `LookupError` if one is forgotten here."""
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    soon = date.today() + timedelta(days=20)
    given = {
        **FIELDS,
        "title": "Front desk manager",
        "backstory": "You grew up over the workshop and know every bike in town. " * 20,
        "personality_traits": [{"name": f"Trait {n}", "description": "Shows in every answer."} for n in range(8)],
        "communication_style": "Short sentences, one question at a time.",
        "formality": 4,
        "knowledge_domain": "Bicycles, their repair and their parts.",
        "areas_of_expertise": [f"Expertise {number}" for number in range(12)],
        "primary_goal": "Book a service.",
        "secondary_goals": ["Learn the name.", "Learn the phone number.", "Sell the yearly check."],
        "custom_instructions": "Do not promise a date or a price beyond those listed. " * 30,
        "prompt_template": "appointment_desk",
        "greeting": "Hello {{ lead.name or 'there' }}! How can I help you?",
        "fallback_text": "Thank you, somebody will write to you.",
        "apology_text": "Sorry, that did not work.",
        "take_messages": False,
        "no_person_text": "Nobody is free now; what is it about?",
        "disclosure": False,
        "website": "https://maplestreetbikes.example",
        "currency": "USD",
        "facts": [{"topic": f"Topic {n}", "text": "What customers ask, and the answer to it. " * 4} for n in range(30)],
        "timezone": "Europe/Dublin",
        "opening_hours": {day: ["09:00-12:30", "13:30-18:00"] for day in days},
        "exceptions": [{"date": (soon + timedelta(days=n)).isoformat(), "reason": "Stocktaking"} for n in range(20)],
        "holidays": {"country": "IE"},
        "outside_hours": "text",
        "outside_hours_text": "We are closed; we have your message.",
        "tools": sorted(parts.tools),
        "tool_settings": {name: {} for name in parts.tools},
        "permissions": ["reads", "writes", "spends", "speaks"],
        "model": "openai",
        "fallback_model": "openai/bench-fallback",
        "temperature": 0.4,
        "reasoning_effort": "low",
        "max_output_tokens": 800,
        "memory": "provider",
        "burst_seconds": 1.5,
        "hand_back_minutes": 30,
    }
    if left_out := set(StrategyFields.model_fields) - ONE_OR_THE_OTHER - set(given):
        raise LookupError(f"bench/briefs.py: set {', '.join(sorted(left_out))}, too.")
    return StrategyFields.model_validate(given)


def plain_brief(office: Office) -> Brief:
    """Somebody unknown writes for the first time, to the strategy of the bench's line."""
    strategy = office.strategy(next(iter(office.strategy_of_line)))
    assert strategy is not None
    return _brief(office, strategy, {**made_up_lead(), "id": 1}, SessionState(), ())


def full_brief(office: Office) -> Brief:
    """A customer of whom all is known goes on after days, with the strategy `FULL`."""
    strategy = next(each for each in office.strategies.values() if each.name == FULL)
    kinds: tuple[GoalKind, ...] = ("booking", "qualification", "question")
    goals = tuple(Goal(f"g{n}", kind, f"Goal {n}", _GOAL_SLOTS) for n, kind in enumerate(kinds, 1))
    calls = ({"name": "note_lead", "arguments": '{"name": "Zoë"}', "result": "Noted."},) * 6
    session = SessionState(7, goals, calls, summary="The customer has three bikes. " * 40, summary_seq=40)
    past = tuple(
        _Message(41 + n, ("in", "out")[n % 2], ("customer", "agent")[n % 2], f"{_TALK[n % 2]} ({n})")
        for n in range(MESSAGES)
    )
    return _brief(office, strategy, _LEAD, session, past)


def _brief(
    office: Office, strategy: PublishedStrategy, lead: dict[str, Any], session: SessionState, past: tuple[_Message, ...]
) -> Brief:
    line, asked = {"title": "Bench", "channel": "bench"}, "Are you open?"
    conversation = {"id": 1, "first_reply": not past, "interaction_count": 1 + len(past)}
    context = prompt_context(office, strategy, line, lead, conversation, asked, goal_values(session))
    said = [Said("user" if each.direction == "in" else "assistant", each.text) for each in past]
    return Brief(
        office=office,
        strategy=strategy,
        context=context,
        lead=lead,
        conversation_id=1,
        history=(*said, Said("user", asked)),
        messages=(*past, _Message(61, "in", "customer", asked)),
        session=session,
        deadline=time.monotonic() + 50,
        check=lambda: None,
        show=lambda text: None,
        withdraw=lambda: None,
    )
