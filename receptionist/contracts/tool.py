"""A tool: something the agent can do besides talking."""

from __future__ import annotations

import inspect
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import Any, Literal, Protocol, TypeVar, get_args, overload

from pydantic import BaseModel

from receptionist.contracts.session import Goal, GoalKind

ClaimKind = Literal[
    "booked", "cancelled", "moved", "sent", "noted", "ordered", "paid", "handed_over", "callback", "promised"
]
"""What a reply may claim once a tool did it; `promised`: that somebody gets back to the customer."""


Effect = Literal["reads", "writes", "spends", "speaks"]
"""What a call of a tool does: nothing but look, change something here or elsewhere, cost money, or say something to
somebody other than by the reply. Each is a class that a strategy permits or not (`StrategyFields.permissions`)."""


class ToolContext(Protocol):
    """Who and what a tool call is about. Identity comes from here, never from the model's arguments.

    Changes made through the context are committed together with the call's result, or not at all; a tool
    whose effect is outside must pass `idempotency_key` along.
    """

    @property
    def account(self) -> Mapping[str, Any]:
        """`id`, `name`, `timezone` and `country` (ISO 3166-1 alpha-2, or None) of the business."""

    @property
    def lead(self) -> Mapping[str, Any]:
        """`id`, `name`, `email`, `phone`, `company`, `notes`, `status`, `language` and `timezone` of the customer,
        unknown ones None; `tags`: a list; `custom`: values of the account's own fields by name."""

    @property
    def conversation_id(self) -> int:
        """The conversation the call belongs to."""

    @property
    def strategy(self) -> Mapping[str, Any]:
        """The published strategy's fields as plain values."""

    @property
    def now(self) -> datetime:
        """The time in the account's zone."""

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt at this call, different for every other call."""

    @property
    def settings(self) -> Any:
        """What the strategy sets for this tool: an instance of the model given to `@tool(settings=…)`, or None where
        the tool takes no settings."""

    def update_lead(
        self,
        *,
        name: str | None = None,
        email: str | None = None,
        phone: str | None = None,
        company: str | None = None,
        note: str | None = None,
    ) -> None:
        """Fill in what was learned; None leaves a field as it is, `note` is appended.

        A `phone` is stored as E.164, read as a number of the account's country where it has no country code. Raises
        `ToolError` for an e-mail address or a phone number that cannot be read.
        """

    @property
    def goals(self) -> Sequence[Goal]:
        """The open goals of the conversation, the oldest first."""

    def set_goal(
        self, kind: GoalKind, title: str, slots: Mapping[str, str], *, goal_id: str | None = None
    ) -> Mapping[str, Any]:
        """Open a goal, or with `goal_id` add to an open one; returns it with its `id`. Raises `ToolError`."""

    def close_goal(self, goal_id: str, *, done: bool, outcome: str) -> None:
        """Close an open goal with what became of it. Raises `ToolError` if there is none of this id."""

    def hand_over(self, reason: str, summary: str) -> None:
        """Ask for a person: marks the conversation and tells the business."""

    def add_callback(self, text: str, due_at: datetime) -> None:
        """Leave a task for a person to call the customer at this aware time; it takes the place of one that is still
        open in this conversation. Raises `ToolError` for a time that is over."""

    def send(self, channel: str, text: str, *, unproved: bool = False) -> None:
        """Write to this very customer on another channel ("sms"): to where they wrote from there, else to the number
        or address that a channel proved or an admin noted; `unproved`: also to one they only typed, which may be a
        stranger's. Sent once, after the call is recorded. Raises `ToolError` naming what is possible: no such line, no
        address, the customer refused messages there, or too many for a day."""

    def offer_choices(self, choices: Sequence[str]) -> None:
        """Show the customer 2 to 6 short answers below this turn's reply: buttons where the channel has them, else a
        numbered list. Raises `ToolError`."""

    def end_conversation(self, reason: str) -> None:
        """Archive the conversation once this turn's reply is out; the customer's next message begins a new one."""


@dataclass(frozen=True)
class Tool:
    """A function the model may call. Made by `@tool`."""

    function: Callable[..., Any]
    name: str
    description: str
    effect: Effect
    idempotent: bool
    timeout: float
    settings: type[BaseModel] | None = None
    claims: tuple[ClaimKind, ...] | None = None
    confirm: str | None = None

    @property
    def acts(self) -> bool:
        """Whether a call does more than look."""
        return self.effect != "reads"


F = TypeVar("F", bound=Callable[..., Any])


@overload
def tool(function: F) -> Tool: ...


@overload
def tool(
    *,
    name: str | None = None,
    effect: Effect = "reads",
    idempotent: bool = False,
    timeout: float = 10.0,
    settings: type[BaseModel] | None = None,
    claims: tuple[ClaimKind, ...] | None = None,
    confirm: str | bool = False,
) -> Callable[[F], Tool]: ...


def tool(
    function: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    effect: Effect = "reads",
    idempotent: bool = False,
    timeout: float = 10.0,
    settings: type[BaseModel] | None = None,
    claims: tuple[ClaimKind, ...] | None = None,
    confirm: str | bool = False,
) -> Any:
    """Make a typed, documented function a tool; its schema comes from its signature.

    The docstring tells the model when to use it. Parameters need type annotations that pydantic knows
    (`Annotated[str, Field(description=…)]` explains one). A parameter named `context` receives the `ToolContext` and
    is hidden from the model. Return text, or anything JSON can hold; raise `ToolError` to tell the model in plain
    words why nothing was done. `effect`: see `Effect`. `idempotent`: calling it again with the same
    `context.idempotency_key` changes nothing more (needed to repeat it after a crash). `timeout` in seconds.
    `settings`: a pydantic model, each field with a default, of what a strategy may set for this tool
    (`tool_settings`); the function gets an instance as `context.settings`. `claims`: what the agent may say once this
    is done (see `ClaimKind`); one that acts and says nothing of it lets the agent say anything. `confirm`: a call is
    made only after the customer agreed, in a message after the question; the text says what would be done, with
    parameters in braces ("Order {dish} for {day}"), and True leaves the words to the model.
    """
    if effect not in get_args(Effect):
        raise TypeError(f"effect={effect!r}: there is only {', '.join(get_args(Effect))}")
    if confirm and effect == "reads":
        raise TypeError("confirm= is for a tool that acts; one that only reads asks nobody")
    if unknown := set(claims or ()) - set(get_args(ClaimKind)):
        raise TypeError(f"claims={sorted(unknown)}: there is only {', '.join(get_args(ClaimKind))}")

    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < float("inf"):
        raise TypeError(f"timeout={timeout!r}: say how many seconds a call may take")

    def make(target: Callable[..., Any]) -> Tool:
        wrapped = inspect.unwrap(target)
        if not (inspect.isfunction(wrapped) or inspect.ismethod(wrapped)):
            raise TypeError(f"@tool marks a function, not {target!r}")
        if any(kind(wrapped) for kind in (iscoroutinefunction, isasyncgenfunction, isgeneratorfunction)):
            raise TypeError(f"tool {target.__name__} must be a plain function, not async, and return instead of yield")
        description = inspect.getdoc(target) or ""
        if not description:
            raise TypeError(f"tool {target.__name__} needs a docstring: the model reads it")
        asked = _question(target, confirm)
        return Tool(target, name or target.__name__, description, effect, idempotent, timeout, settings, claims, asked)

    return make(function) if function is not None else make


def _question(target: Callable[..., Any], confirm: str | bool) -> str | None:
    """What would be done, as a text with parameters in braces. Raises `TypeError` for one that is no parameter."""
    if confirm is True:
        return "what you are about to do"
    if not confirm:
        return None
    known = set(inspect.signature(target).parameters) - {"context"}
    for _, name, form, conversion in string.Formatter().parse(confirm):
        if name is not None and (name not in known or form or conversion):
            raise TypeError(f"confirm= of tool {target.__name__}: {{{name}}} must be one of its parameters, as it is")
    return confirm
