"""Takes a message while no model can answer: a script that asks what it is about, a name, and how to be reached.

What is known so far is an open goal of the conversation, so that the model sees it when it answers again. Each question
is asked once; what is not said then is left out. Nothing here talks to database or network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from receptionist.agents.take_message_words import (
    Words,
    email_in,
    is_empty,
    is_only_contact,
    language_of,
    languages,
    looks_like_contact,
    name_in,
    phone_in,
    says_something,
)
from receptionist.contracts.session import Goal
from receptionist.contracts.strategy import StrategyFields
from receptionist.db import AnyRow
from receptionist.errors import ToolError
from receptionist.services.conversations.sessions import MAX_OPEN, GoalChange, GoalClosed, GoalSet, SessionState
from receptionist.services.leads.leads import LeadChange

QUESTIONS = ("need", "name", "contact")
"""In the order in which they are asked; also the slots of the goal. The slot "asked" names those that were."""
TITLE = "A message for the business, taken while no model answered"
REASON = "a message was taken while no model could answer"
"""Why a person is asked for."""
BEGUN = "a message is being taken while no model can answer"
"""Why one is asked for before all is asked: customers leave without a word, and what they said is not to be lost."""
LONGEST = 300
"""Characters of a slot."""


@dataclass(frozen=True, slots=True)
class Situation:
    """A turn that no model answers. `waiting` and `past` are messages as in `look.View`, `country` is the account's."""

    fields: StrategyFields
    country: str | None
    lead: Mapping[str, Any]
    session: SessionState
    waiting: Sequence[AnyRow]
    past: Sequence[AnyRow]

    @property
    def text(self) -> str:
        """What the customer says now."""
        return "\n".join(row.text for row in self.waiting if row.text).strip()


@dataclass(frozen=True, slots=True)
class Step:
    """What the script does in one turn.

    `text`: what is said, after the apology unless what the customer said was `taken` down. `goals`: changes of the
    session. `learned`: of the lead, for fields that are empty. `message`: what a person is told, once all is asked;
    `begun`: what one is told before, where the customer just answered what it is about."""

    text: str = ""
    taken: bool = False
    goals: tuple[GoalChange, ...] = ()
    learned: LeadChange = field(default_factory=LeadChange)
    message: str | None = None
    begun: str | None = None

    @property
    def person(self) -> str | None:
        """Why a person is asked for, if one is."""
        if self.message is not None:
            return REASON
        return None if self.begun is None else f"{BEGUN}: {self.begun}"

    def apply(self, state: SessionState) -> SessionState:
        """The session after the step; what a tool of this very turn changed otherwise stays as it is."""
        for change in self.goals:
            with suppress(ToolError):
                state = change.apply(state)
        return state


def next_step(situation: Situation) -> Step | None:
    """What to do; None: nothing but the apology is to be said."""
    text, goal = situation.text, _goal_of(situation.session)
    last = _last_said(situation)
    if last is not None and situation.waiting[-1].seq < last.seq:  # replayed, or written before the question was read
        return None
    if last is not None and _ends(last, [words.passed_on for words in languages().values()]):
        return _Script(situation).pass_on_more(text) if says_something(text) else None
    if goal is None and len(situation.session.open_goals) >= MAX_OPEN:  # no room to keep what is said
        return None
    asked = None if goal is None or last is None else _asked(goal, last)
    script = _Script(situation)
    return script.begin(text, goal) if goal is None or asked is None else script.go_on(text, goal, asked)


def answered_again(session: SessionState, tools: Sequence[str]) -> Step | None:
    """What is to be done when a model answered: a goal of the script ends, unless the model may close it itself."""
    goal = _goal_of(session)
    if goal is None or "close_goal" in tools:
        return None
    return Step(goals=(GoalClosed(goal.id, True, "the agent answered again"),))


class _Script:
    """One step of one conversation."""

    def __init__(self, situation: Situation) -> None:
        self._lead, self._country = situation.lead, situation.country
        heard = [row.text for row in (*situation.past, *situation.waiting) if row.direction == "in"]
        self._words: Words = language_of(situation.lead["language"], situation.fields.languages, "\n".join(heard))

    def begin(self, text: str, stale: Goal | None) -> Step | None:
        """The first question; `stale`: an earlier message that a model, or a person, answered meanwhile."""
        dropped = () if stale is None else (GoalClosed(stale.id, False, "it was answered otherwise"),)
        contact = is_only_contact(text)
        slots = {"need": text} if says_something(text) and not contact else {}
        learned = self._learn(slots, text, "contact" if contact else "")
        return self._next(slots, learned, None, taken=False, before=dropped)

    def go_on(self, text: str, goal: Goal, asked: str) -> Step | None:
        """The answer to a question, and the next one."""
        slots = dict(goal.slots)
        if asked == "need":
            if is_empty(text) and text:
                return Step(goals=(GoalClosed(goal.id, False, "the customer left no message"),))
            slots["need"] = text or "(a file)"
        known = len(slots)
        learned = self._learn(slots, text, asked)
        answered = asked == "need" or len(slots) > known
        if not answered and not is_empty(text):  # a person may see what it is, such as a name that comes late
            slots["need"] = f"{slots.get('need', '')}\n{text}".strip()
        step = self._next(slots, learned, goal, taken=answered or not says_something(text))
        return replace(step, begun=_short(slots["need"])) if asked == "need" else step

    def pass_on_more(self, text: str) -> Step:
        """One more message after one that was passed on: nothing is asked again."""
        slots = {"need": text}
        learned = self._learn(slots, text, "contact" if is_only_contact(text) else "")
        return Step(self._words.passed_on, learned=learned, message=self._message(slots))

    def _learn(self, slots: dict[str, str], text: str, asked: str) -> LeadChange:
        """Fill name and contact from a text; what of it belongs to the lead."""
        email, may_be_number = email_in(text), asked in ("name", "contact")
        phone = phone_in(text, self._country, asked=may_be_number)
        name = name_in(text, asked=asked == "name")
        if name and "name" not in slots:
            slots["name"] = name
        if contact := ", ".join(filter(None, (phone, email))):
            slots["contact"] = contact
        elif asked == "contact" and looks_like_contact(text):
            slots["contact"] = text
        return LeadChange(name=name, email=email, phone=phone)

    def _next(
        self,
        slots: dict[str, str],
        learned: LeadChange,
        goal: Goal | None,
        *,
        taken: bool,
        before: tuple[GoalChange, ...] = (),
    ) -> Step:
        asked = slots.get("asked", "").split()
        missing = [each for each in QUESTIONS if each not in slots and each not in asked and not self._known(each)]
        if missing:
            slots["asked"] = " ".join([*asked, missing[0]])
            question: str = getattr(self._words, missing[0])
            text = f"{self._words.thanks} {question}" if taken else question
            return Step(text, taken, (*before, self._goal(slots, goal)), learned)
        ended = () if goal is None else (self._goal(slots, goal), GoalClosed(goal.id, True, "it was passed on"))
        return Step(self._words.passed_on, taken, (*before, *ended), learned, self._message(slots))

    def _known(self, question: str) -> bool:
        """Whether the lead has it already."""
        if question == "contact":
            return bool(self._lead["phone"] or self._lead["email"])
        return question == "name" and bool(self._lead["name"])

    def _goal(self, slots: Mapping[str, str], goal: Goal | None) -> GoalSet:
        short = {name: _short(value) for name, value in slots.items()}
        return GoalSet("request", TITLE, short, None if goal is None else goal.id)

    def _message(self, slots: Mapping[str, str]) -> str:
        """What the person reads who calls back."""
        known = filter(None, (self._lead["phone"], self._lead["email"]))
        name = slots.get("name") or self._lead["name"] or "not said"
        contact = slots.get("contact") or ", ".join(known) or "not said; answer in the conversation"
        return f"{slots.get('need', 'not said')}\nName: {name}\nTo be reached: {contact}"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 2]} …"


def _goal_of(session: SessionState) -> Goal | None:
    """The open goal that this script keeps."""
    return next((goal for goal in session.open_goals if goal.kind == "request" and "asked" in goal.slots), None)


def _last_said(situation: Situation) -> AnyRow | None:
    """What the customer read last, an apology that stood alone left out."""
    said = (row for row in reversed(situation.past) if row.direction == "out")
    return next((row for row in said if row.text not in situation.fields.apology_text), None)


def _asked(goal: Goal, last: AnyRow) -> str | None:
    """The question that the customer answers now; None where something else was said since."""
    newest = goal.slots["asked"].split()[-1:]
    found = [each for each in newest if each in QUESTIONS]
    return found[0] if found and _ends(last, [getattr(words, found[0]) for words in languages().values()]) else None


def _ends(row: AnyRow, texts: Sequence[str]) -> bool:
    """Whether a message of the agent ends with one of these texts; a channel may have cut it into several."""
    return row.author == "agent" and any(row.text.endswith(text) or text.endswith(row.text) for text in texts)
