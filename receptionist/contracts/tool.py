"""A tool: something the agent can do besides talking."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar, overload


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
        """`id`, `name`, `email`, `phone`, `company` and `notes` of the customer; unknown ones are None."""

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

    def hand_over(self, reason: str, summary: str) -> None:
        """Ask for a person: marks the conversation and tells the business."""


@dataclass(frozen=True)
class Tool:
    """A function the model may call. Made by `@tool`."""

    function: Callable[..., Any]
    name: str
    description: str
    writes: bool
    idempotent: bool
    timeout: float


F = TypeVar("F", bound=Callable[..., Any])


@overload
def tool(function: F) -> Tool: ...


@overload
def tool(
    *, name: str | None = None, writes: bool = False, idempotent: bool = False, timeout: float = 10.0
) -> Callable[[F], Tool]: ...


def tool(
    function: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    writes: bool = False,
    idempotent: bool = False,
    timeout: float = 10.0,
) -> Any:
    """Make a typed, documented function a tool; its schema comes from its signature.

    The docstring tells the model when to use it. Parameters need type annotations that pydantic knows
    (`Annotated[str, Field(description=…)]` explains one). A parameter named `context` receives the
    `ToolContext` and is hidden from the model. Return text, or anything JSON can hold; raise `ToolError` to
    tell the model in plain words why nothing was done. `writes`: it changes something. `idempotent`: calling
    it again with the same `context.idempotency_key` changes nothing more (needed to repeat it after a
    crash). `timeout` in seconds.
    """

    def make(target: Callable[..., Any]) -> Tool:
        description = inspect.getdoc(target) or ""
        if not description:
            raise TypeError(f"tool {target.__name__} needs a docstring: the model reads it")
        return Tool(target, name or target.__name__, description, writes, idempotent, timeout)

    return make(function) if function is not None else make
