"""What happened, as handed to the hook `on_event`, after it was committed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from receptionist.contracts.model import Usage
from receptionist.contracts.session import GoalKind


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events. `account_id` says whose it is."""

    account_id: int


@dataclass(frozen=True, slots=True)
class MessageTaken(Event):
    """A customer's message was stored."""

    conversation_id: int
    message_id: int


@dataclass(frozen=True, slots=True)
class TurnRecorded(Event):
    """A turn ended: with a reply, in silence, or with the apology (`failed=True`). `seconds` from its start.

    `model`: who answered, None where a fixed text did, or nobody. `cost`: millionths of a US dollar, None where no
    price is known."""

    conversation_id: int
    turn_id: int
    seconds: float
    failed: bool
    outcome: Literal["done", "silent", "failed"] = "done"
    model: str | None = None
    usage: Usage = field(default_factory=Usage)
    cost: int | None = None


@dataclass(frozen=True, slots=True)
class ToolCalled(Event):
    """A tool call of a turn ended: "done", "failed" (it did nothing) or "unknown" (nobody knows whether it did), as
    `state` says. `seconds`: how long the worker that ended it was at it.

    What it was called with, and what came of it, are a customer's words and not told."""

    conversation_id: int
    turn_id: int
    name: str
    state: str
    seconds: float


@dataclass(frozen=True, slots=True)
class GoalChanged(Event):
    """A goal of a conversation was set, added to (`state="open"`) or closed (`done` or `dropped`), by a tool or while a
    message was taken. `goal_id` is of its conversation; `title` and `outcome`, what became of it, are for persons. What
    is known for the goal is not told."""

    conversation_id: int
    goal_id: str
    kind: GoalKind
    state: Literal["open", "done", "dropped"]
    title: str
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class ConversationEnded(Event):
    """A conversation is over, for `reason`: the agent ended it, or another strategy answers the customer from now on.
    What was begun in it, such as the reply that says goodbye, is still finished."""

    conversation_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class MessageSent(Event):
    """A channel accepted an outbound message."""

    conversation_id: int
    message_id: int


@dataclass(frozen=True, slots=True)
class MessageFailed(Event):
    """A message cannot be answered or sent without a person; `reason` is for the admin."""

    conversation_id: int
    message_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class LeadChanged(Event):
    """Something new is known of a lead; `fields` names it, without the values."""

    lead_id: int
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeadErased(Event):
    """A lead was erased: delete all that you keep of it. Comes again until every plugin took it without an error, and
    may come after `LeadChanged` of the same lead was handled in another process, or before: ask `host.lead` then."""

    lead_id: int


@dataclass(frozen=True, slots=True)
class PersonRequested(Event):
    """The agent asked for a person."""

    conversation_id: int
    reason: str
    summary: str


@dataclass(frozen=True, slots=True)
class ConsentChanged(Event):
    """A customer opted out of a channel (`opted_out=True`), or back in."""

    lead_id: int
    channel: str
    opted_out: bool


@dataclass(frozen=True, slots=True)
class HandedOver(Event):
    """A person has the conversation now, or gave it back (`person=""`); the agent is silent in between."""

    conversation_id: int
    person: str


@dataclass(frozen=True, slots=True)
class LineTroubled(Event):
    """A vendor said that something is wrong with a line, so that an admin must act."""

    line_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class ModelTroubled(Event):
    """A model failed an account again and again, or at once for good (key, quota, a setting), and is not asked for a
    while; `model` such as "openai/gpt-6". Told once, until it answered again; each process finds out by itself."""

    model: str
    reason: str
