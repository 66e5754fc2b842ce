"""One turn as the demo model reads it: what the customer said, wants and tells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from receptionist import Item, ModelRequest, Said, ToolOutput

from .dates import Days, read_days
from .languages import foreign_language
from .words import STOP, WEEKDAYS, singles, stems

MAX_TEXT = 4000
"""Characters of a turn that are read; some of the patterns take the square of them."""

ASK_NAME = "May I have your name?"
ASK_PHONE = "What phone number can we reach you at?"
ASK_EITHER = "What phone number or e-mail address can we reach you at?"

_NAME = re.compile(
    r"\b(?i:my name is|my name's|i am|i'm|this is|name:|call me) +([A-Z][\w'’-]+(?: [A-Z][\w'’-]+){0,2})"
)
_LOWER_NAME = re.compile(r"\bmy name is +([a-z][\w'’-]+(?: (?!and\b)[a-z][\w'’-]+)?)", re.I)
_BARE_NAME = re.compile(r"[^\W\d_][\w'’-]*(?: [^\W\d_][\w'’.-]*){0,2}[.!]?")
_PHONE = re.compile(r"(?<![\w+])(\+?\(?\d[\d ()./-]{4,}\d)(?!\w)")
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,100}(?:\.[\w-]{1,60}){1,4}")
_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b|(?<![\d./+])\d{1,2}([./])\d{1,2}\1(\d{4})?(?![\d./])")
_CARD = re.compile(r"(?<![+\w])\d(?:[ -]?\d){12,18}(?!\w)")
_NO_NAME = {"back", "looking", "interested", "sorry", "not", "just", *WEEKDAYS}
_EARLIER_CALL = re.compile(r"^- (\w+)\(.*\) → (.*)$", re.M)


@dataclass(frozen=True)
class Turn:
    """What the customer said in this turn, and what can be answered from."""

    text: str
    asked_before: str
    variables: Mapping[str, Any]
    tools: frozenset[str]
    outputs: Mapping[str, str]
    looked_up: tuple[str, ...] = ()
    """What `open_times` returned, one text a day."""
    told_before: Mapping[str, str] = field(default_factory=dict)
    """In a rehearsal, where nothing is kept, what the customer told of themselves in earlier turns."""

    @cached_property
    def words(self) -> set[str]:
        """The words that tell what the turn is about."""
        return {word for word in stems(self.text) if word not in STOP and word not in self.own}

    @cached_property
    def own(self) -> set[str]:
        """The words of the business's name, which tell nothing."""
        return set(stems(str(self.variables["account"]["name"])))

    @cached_property
    def telling(self) -> list[str]:
        """The words of `words` that stand in the text by themselves, in order."""
        return [word for word in singles(self.text) if word in self.words]

    @property
    def strategy(self) -> Mapping[str, Any]:
        """The strategy's values."""
        fields: Mapping[str, Any] = self.variables["strategy"]
        return fields

    @cached_property
    def lead(self) -> Mapping[str, Any]:
        """What is known of the customer."""
        return {**self.variables["lead"], **self.told_before}

    def says(self, pattern: str) -> bool:
        """Whether the text matches, in any case."""
        return re.search(pattern, self.text, re.I) is not None

    @cached_property
    def given(self) -> dict[str, str]:
        """What the customer tells of themselves: `name`, `phone`, `email`."""
        found = {}
        text = _DATE.sub(" ", self.text)
        name = _NAME.search(text) or _LOWER_NAME.search(text)
        if name is None and ASK_NAME in self.asked_before and (bare := _BARE_NAME.match(text.strip())):
            found["name"] = bare[0].rstrip(".!").title() if not STOP & set(stems(bare[0])) else ""
        elif name is not None and name[1].split()[0].lower() not in _NO_NAME:
            found["name"] = name[1].title() if name[1].islower() else name[1]
        if (phone := _PHONE.search(text)) and 6 <= len(re.sub(r"\D", "", phone[1])) <= 15 and not self.gives_card:
            found["phone"] = phone[1].strip()
        if email := _EMAIL.search(text):
            found["email"] = email[0].rstrip(".")
        return {key: value for key, value in found.items() if value}

    @cached_property
    def gives_card(self) -> bool:
        """Whether a number in the text may be that of a payment card."""
        numbers = (re.sub(r"\D", "", found[0]) for found in _CARD.finditer(self.text))
        return any(_luhn(number) for number in numbers)

    @cached_property
    def wants_call(self) -> bool:
        """Whether the business should call or write back."""
        return self.says(
            r"\b(call|ring|phone|text|contact) (me|us)\b|\bcall ?back|\b(take|leave) a message|get back to me"
        )

    @cached_property
    def wants_person(self) -> bool:
        """Whether a person should take over."""
        person = r"\b(human|person|someone|somebody|staff|manager|owner|boss|colleague|representative|employee)\b"
        return not self.asks_identity and (
            self.says(rf"\b(talk|speak|chat|connect|transfer|put me|want|need|get( me)?|pass me)\b.*{person}")
            or self.says(
                r"\breal (human|person)\b|^\W*(human|person|agent)\W*$|\bcomplain(t|ts)?\b|\b(accident|injured)\b"
            )
        )

    @cached_property
    def asks_identity(self) -> bool:
        """Whether the customer asks what it is talking to."""
        opening = r"\b(are you|is this|am i (talking|speaking|chatting) (to|with))\b"
        return self.says(opening + r".*\b(bot|robot|machine|human|person|ai|real)\b")

    @property
    def today(self) -> date:
        """The date where the business is."""
        return date.fromisoformat(self.variables["now"]["date"])

    @cached_property
    def days(self) -> Days:
        """The days the text names."""
        return read_days(self.text, self.today, self.own)

    @cached_property
    def language(self) -> str | None:
        """The language of the text if it is one that is recognised and not English: "es", "de" …"""
        return foreign_language(self.text)


def _luhn(digits: str) -> bool:
    """Whether the check digit is that of a card."""
    doubled = (2 * int(digit) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(value // 10 + value % 10 for value in doubled)) % 10 == 0


def read_turn(request: ModelRequest) -> Turn:
    """What is new since the last answer: the customer's messages, and the results of tools called for them."""
    start = max(
        (i + 1 for i, item in enumerate(request.items) if isinstance(item, Said) and item.role == "assistant"),
        default=0,
    )
    before = request.items[start - 1] if start else None
    new = request.items[start:]
    said = [item.text for item in new if isinstance(item, Said) and item.role == "user"]
    notes = "\n".join(item.text for item in new if isinstance(item, Said) and item.role == "system")
    outputs = [
        *_EARLIER_CALL.findall(notes),
        *((item.name, item.output) for item in new if isinstance(item, ToolOutput)),
    ]
    return Turn(
        text="\n".join(said)[:MAX_TEXT],
        asked_before=before.text if isinstance(before, Said) else "",
        variables=request.variables,
        tools=frozenset(tool.name for tool in request.tools),
        outputs=dict(outputs),
        looked_up=tuple(output for name, output in outputs if name == "open_times"),
        told_before={} if request.variables["lead"]["id"] else _told(request, request.items[:start]),
    )


def _told(request: ModelRequest, items: Sequence[Item]) -> dict[str, str]:
    """What the customer told of themselves in these."""
    told: dict[str, str] = {}
    asked = ""
    for item in items:
        if isinstance(item, Said) and item.role == "assistant":
            asked = item.text
        elif isinstance(item, Said) and item.role == "user":
            told |= Turn(item.text[:MAX_TEXT], asked, request.variables, frozenset(), {}).given
    return told
