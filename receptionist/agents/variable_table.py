"""Every variable of strategy templates with its meaning. What templates may name is checked against this table, and
the page docs/prompt-templates.md shows it (`python -m receptionist.agents.reference`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

ITEM = "[]"
"""In a path: any item of the list before it."""
ANY = "*"
"""In a path: any name, as of fields that an account defines itself; where it is missing, the value is none."""

TABLE: dict[str, str] = {
    "account.id": "Number of the account",
    "account.name": "Name of the business",
    "account.timezone": "Its time zone, such as `Europe/Berlin`",
    "account.country": "Its country, such as `DE`, or none",
    "line.title": "What the line is called in lists",
    "line.channel": "`webchat`, `sms`, `email`, `voice` and so on",
    "lead.id": "Number of the lead",
    "lead.name": "Name of the customer, or none",
    "lead.email": "E-mail address, or none",
    "lead.phone": "Phone number with country code, or none",
    "lead.company": "Company, or none",
    "lead.notes": "Notes, one a line, or empty",
    "lead.status": "Where the lead stands, such as `new`",
    "lead.tags[]": "Tags",
    "lead.language": "Language the customer writes, or none",
    "lead.timezone": "Time zone of the customer, or none",
    "lead.custom.*": "Fields the account defined itself, such as `lead.custom.birthday`; none where empty",
    "conversation.id": "Number of the conversation",
    "conversation.first_reply": "True until the agent has said something",
    "conversation.interaction_count": "Messages the customer has written, over all conversations",
    "goals[].id": "Number of something under way in the conversation",
    "goals[].kind": "What it is, such as `booking`",
    "goals[].title": "The same for people",
    "goals[].slots.*": "What is known of it so far",
    "now.date": "Today, such as `2026-12-24`, in the time zone of the strategy, else of the account",
    "now.weekday": "`Monday` to `Sunday`",
    "now.time": "Such as `14:05`",
    "now.timezone": "That time zone",
    "open_now": "True while the business is open",
    "opens_next.date": "Date of the next opening; `opens_next` is none while open, and if none is known",
    "opens_next.day": "Its weekday",
    "opens_next.time": "Its time",
    "hours_today": "Hours of today as text, such as `09:00–12:30 and 13:30–18:00` or `closed (Christmas Day)`",
    "hours_week[].day": "Today and the six days after it: weekday",
    "hours_week[].date": "… date",
    "hours_week[].hours": "… hours as text",
    "hours_exceptions[].day": "Exceptions and holidays of the next 60 days: weekday",
    "hours_exceptions[].date": "… date",
    "hours_exceptions[].hours": "… hours as text",
    "strategy.agent_name": "What the agent calls itself",
    "strategy.role": "What it is",
    "strategy.title": "Its title",
    "strategy.backstory": "Its story",
    "strategy.personality_traits[].name": "A trait of its personality",
    "strategy.personality_traits[].description": "How that shows",
    "strategy.traits_text[]": "Its traits, one line each",
    "strategy.communication_style": "How it communicates",
    "strategy.tone_of_voice": "How it speaks",
    "strategy.formality": "1 (casual) to 10 (ceremonious), or none",
    "strategy.formality_text": "The same in words, or empty",
    "strategy.knowledge_domain": "What it knows about",
    "strategy.areas_of_expertise[]": "What it knows best",
    "strategy.primary_goal": "What it is there for above all",
    "strategy.secondary_goals[]": "What else it is there for",
    "strategy.languages[]": "Languages it answers in",
    "strategy.custom_instructions": "Anything else it must heed",
    "strategy.prompt_template": "Name of the bundled template",
    "strategy.system_prompt_template": "A template of one's own as it is written, or empty",
    "strategy.prompt.id": "A prompt kept at the model's vendor; `strategy.prompt` may be none",
    "strategy.prompt.version": "Its version, or none",
    "strategy.prompt.variables.*": "Its variables as they are written",
    "strategy.greeting": "In the spirit of this it greets",
    "strategy.fallback_text": "Said where the agent may not answer",
    "strategy.apology_text": "Said where an answer failed",
    "strategy.take_messages": "Whether a message is taken where no model answers",
    "strategy.no_person_text": "Said where a person was promised and did not come",
    "strategy.disclosure": "True: say in the first reply that an automated assistant answers",
    "strategy.address": "Address of the business",
    "strategy.phone": "Its phone number",
    "strategy.email": "Its e-mail address",
    "strategy.website": "Its website",
    "strategy.currency": "Currency of all prices, such as `EUR`",
    "strategy.services[].name": "A service",
    "strategy.services[].price": "Its price as text, such as `€49.00`; empty: on request",
    "strategy.services[].price_cents": "The same in cents, or none",
    "strategy.services[].duration": "How long it takes as text, such as `45 minutes`, or empty",
    "strategy.services[].minutes": "The same in minutes, or none",
    "strategy.services[].description": "What it is",
    "strategy.services_text[]": "Services with price and duration, one line each",
    "strategy.facts[].topic": "What customers ask about",
    "strategy.facts[].text": "The answer",
    "strategy.facts_text[]": "The same, one line each",
    "strategy.timezone": "Time zone of the opening hours; none means the account's",
    "strategy.opening_hours.*[]": "By weekday, `monday` to `sunday`: stretches such as `09:00-12:30`",
    "strategy.hours_text[]": "The regular week, one line a day",
    "strategy.exceptions[].date": "A date with other hours",
    "strategy.exceptions[].hours[]": "Its stretches; none: closed",
    "strategy.exceptions[].reason": "Why",
    "strategy.holidays.country": "Country whose public holidays are kept; `strategy.holidays` may be none",
    "strategy.holidays.subdivision": "State or region of it, or none",
    "strategy.holidays.hours[]": "Stretches of the day on holidays; none: closed",
    "strategy.outside_hours": "Who answers outside opening hours: `answer` (the agent) or `text`",
    "strategy.outside_hours_text": "The text for that",
    "strategy.tools[]": "Names of the tools the agent has",
    "strategy.tool_settings.*": "Settings of a tool, by the tool's name",
    "strategy.permissions[]": "What those tools may do: `reads`, `writes`, `spends`, `speaks`",
    "strategy.model": "Model that answers, or none",
    "strategy.fallback_model": "Model that answers where the first one fails, or none",
    "strategy.temperature": "0 to 2, or none",
    "strategy.reasoning_effort": "How much a model reasons, or none",
    "strategy.max_output_tokens": "Most tokens of an answer, or none",
    "strategy.memory": "`ours` or `provider`",
    "strategy.burst_seconds": "How long to wait for the rest of a burst, or none",
    "strategy.hand_back_minutes": "Minutes after a person's last message until the agent answers again",
}

Shape = Mapping[str, Any]
"""What a value has: its names, `ITEM` if it is a list, `ANY` for names not known beforehand; {}: a single value."""

UNKNOWN: dict[str, Any] = {}
"""The shape of a value that may have anything, such as one of a plugin."""
UNKNOWN[ANY] = UNKNOWN[ITEM] = UNKNOWN


def shape_of(paths: Iterable[str]) -> Shape:
    """The shape of all these paths together."""
    root: dict[str, Any] = {}
    for path in paths:
        names = path.replace(ITEM, f".{ITEM}").split(".")
        node = root
        for name in names[:-1]:
            node = node.setdefault(name, {})
        node[names[-1]] = UNKNOWN if names[-1] == ANY else node.get(names[-1], {})
    return root


def values_called(name: str, variables: Shape) -> list[str]:
    """The values of this name behind one of the variables, such as ["lead.phone", "strategy.phone"]."""
    return [
        f"{variable}.{name}" for variable, shape in sorted(variables.items()) if name.isidentifier() and name in shape
    ]


SHAPES = shape_of(TABLE)
"""The shapes of the variables by name."""

VARIABLE_NAMES = frozenset(SHAPES)
"""The names of the variables every template has; plugins may add more."""
