"""What a tool is handed: whom the call is about, and the changes it may ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from receptionist import emails
from receptionist.agents import choices as offered
from receptionist.contracts.session import Goal, GoalKind
from receptionist.errors import ToolError
from receptionist.phones import e164
from receptionist.services.conversations.confirmations import Awaited, Settled
from receptionist.services.conversations.sessions import GoalChange, GoalClosed, GoalSet, SessionState
from receptionist.services.leads.leads import LeadChange
from receptionist.text import storable

_LIMITS = {"name": 200, "company": 200, "note": 2000}


@dataclass(frozen=True, slots=True)
class PersonRequest:
    """The agent wants a person to look at the conversation."""

    reason: str
    summary: str


@dataclass(frozen=True, slots=True)
class Callback:
    """A person is to call the customer at this aware time."""

    text: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """The conversation is over once the reply is out."""

    reason: str


@dataclass(frozen=True, slots=True)
class Offered:
    """Choices for this turn's reply."""

    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Posted:
    """A text for the customer on another line, as messages of its channel."""

    line_id: int
    channel: str
    address: str
    text: str
    parts: tuple[str, ...]


SessionChange = GoalChange | Awaited | Settled
Change = LeadChange | PersonRequest | Callback | Ended | Offered | Posted | SessionChange


class Post(Protocol):
    """Finds where the customer can be written to; see `pipeline.post.PostOffice`."""

    def address(self, channel: str, text: str, *, unproved: bool) -> Posted: ...


@dataclass(slots=True)
class Context:
    """A `contracts.tool.ToolContext` for one call; `changes` are committed with the call's result, or never."""

    account: Mapping[str, Any]
    lead: dict[str, Any]
    conversation_id: int
    strategy: Mapping[str, Any]
    now: datetime
    idempotency_key: str
    settings: Any = None
    session: SessionState = field(default_factory=SessionState)
    changes: list[Change] = field(default_factory=list)
    post: Post | None = None

    def update_lead(
        self,
        *,
        name: str | None = None,
        email: str | None = None,
        phone: str | None = None,
        company: str | None = None,
        note: str | None = None,
    ) -> None:
        """See `ToolContext.update_lead`."""
        address = emails.address(email) if email is not None else None
        if email is not None and address is None:
            raise ToolError("This is not an e-mail address; ask for it again.")
        self.changes.append(
            LeadChange(
                name=_short("name", name),
                email=address,
                phone=_phone(phone, self.account.get("country")),
                company=_short("company", company),
                note=_short("note", note),
            )
        )

    @property
    def goals(self) -> list[Goal]:
        """See `ToolContext.goals`."""
        return self.session.open_goals

    def set_goal(
        self, kind: GoalKind, title: str, slots: Mapping[str, str], *, goal_id: str | None = None
    ) -> dict[str, Any]:
        """See `ToolContext.set_goal`."""
        clean = {storable(name): storable(value) for name, value in slots.items()}
        self._change(GoalSet(kind, storable(title), clean, goal_id))
        goal = self.session.goals[-1]
        return {"id": goal.id, "kind": goal.kind, "title": goal.title, "slots": dict(goal.slots)}

    def close_goal(self, goal_id: str, *, done: bool, outcome: str) -> None:
        """See `ToolContext.close_goal`."""
        self._change(GoalClosed(goal_id, done, storable(outcome)))

    def add_callback(self, text: str, due_at: datetime) -> None:
        """See `ToolContext.add_callback`."""
        if due_at <= self.now.astimezone(UTC):  # two times of one zone are compared by the clock on the wall
            raise ToolError("This time is over; ask for another one.")
        self.changes.append(Callback(storable(text)[:2000], due_at))

    def send(self, channel: str, text: str, *, unproved: bool = False) -> None:
        """See `ToolContext.send`."""
        if self.post is None:
            raise ToolError("Nothing can be sent from here.")
        self.changes.append(self.post.address(channel, text, unproved=unproved))

    def offer_choices(self, choices: Sequence[str]) -> None:
        """See `ToolContext.offer_choices`."""
        self.changes.append(Offered(offered.checked(choices)))

    def end_conversation(self, reason: str) -> None:
        """See `ToolContext.end_conversation`."""
        self.changes.append(Ended(" ".join(storable(reason).split())[:150]))

    def _change(self, change: GoalChange) -> None:
        self.session = change.apply(self.session)
        self.changes.append(change)

    def hand_over(self, reason: str, summary: str) -> None:
        """See `ToolContext.hand_over`."""
        self.changes.append(PersonRequest(storable(reason)[:200], storable(summary)[:2000]))


def _short(what: str, value: str | None) -> str | None:
    """Trimmed, a name on one line, or None if nothing is left: a model fills unknown fields with empty text."""
    text = storable(value or "").strip()
    return (text if what == "note" else " ".join(text.split()))[: _LIMITS[what]] or None


def _phone(value: str | None, country: str | None) -> str | None:
    if not value or not value.strip():
        return None
    number = e164(value, country)
    if number is None:
        raise ToolError("This is not a phone number that can be called; ask for it again, with the country code.")
    return number
