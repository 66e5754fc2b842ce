"""The tool by which the agent agrees on a time at which somebody of the business calls the customer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, Field

from receptionist import Host, Tool, ToolContext, ToolError, e164, hookimpl, is_open, next_opening, tool


class CallbackSettings(BaseModel):
    """What a strategy may set for `schedule_callback`."""

    days_ahead: int = Field(default=60, ge=1, le=365, description="How many days ahead calls are agreed on.")
    any_hour: bool = Field(default=False, description="Agree on calls outside the opening hours, too.")


@tool(effect="writes", idempotent=True, claims=("callback", "promised", "noted"), settings=CallbackSettings)
def schedule_callback(
    context: ToolContext,
    when: Annotated[datetime, Field(description="Date and time at the business, such as 2026-12-24T10:30")],
    phone: Annotated[str | None, Field(max_length=40, description="Null: the number that is known already")] = None,
    note: Annotated[str | None, Field(max_length=1000, description="What the call is about")] = None,
) -> dict[str, Any]:
    """Agree on a time at which somebody of the business calls the customer. Only after the customer named the time. It
    takes the place of a call agreed on earlier in this conversation."""
    zone = context.now.tzinfo
    try:
        named = when.replace(tzinfo=zone) if when.tzinfo is None else when
        at = named.astimezone(UTC).astimezone(zone)  # a time that the clock skips becomes one that it shows
    except OverflowError:  # on the first or last day that there is
        raise ToolError("This is no time that anybody can be called at; ask for another one.") from None
    _check(context, at)
    number = _number(context, phone)
    who = context.lead.get("name") or "the customer"
    context.add_callback(f"Call {who}, {number}" + (f": {note.strip()}" if note and note.strip() else ""), at)
    return {"callback": f"{at:%A %Y-%m-%d %H:%M}", "phone": number}


def _check(context: ToolContext, at: datetime) -> None:
    """Raises `ToolError` for a time that is over, too far away, or outside the opening hours."""
    now, days = context.now, context.settings.days_ahead
    if at <= now.astimezone(UTC):  # two times of one zone are compared by the clock on the wall
        raise ToolError(f"This time is over: it is {now:%A %Y-%m-%d %H:%M} now. Ask for another one.")
    if at > now + timedelta(days=days):
        raise ToolError(f"Calls are agreed on for the next {days} days; ask for an earlier one.")
    if context.settings.any_hour or is_open(context.strategy, at):
        return
    zone = now.tzinfo
    assert zone is not None
    opening = next_opening(context.strategy, zone, at)
    if opening is not None:
        raise ToolError(f"The business is closed then. It opens next on {opening:%A %Y-%m-%d} at {opening:%H:%M}.")
    if context.strategy.get("opening_hours") or context.strategy.get("exceptions"):
        raise ToolError("The business is closed then, and it is not known when it opens again. Offer a person.")


def _number(context: ToolContext, given: str | None) -> str:
    """The number to call, in E.164; one that is told now is kept with the customer if none was known."""
    if not given or not given.strip():
        if not context.lead.get("phone"):
            raise ToolError("No phone number is known; ask for it.")
        return str(context.lead["phone"])
    number = e164(given, context.account.get("country"))
    if number is None:
        raise ToolError("This is not a phone number that can be called; ask for it again, with the country code.")
    if not context.lead.get("phone"):
        context.update_lead(phone=number)
    return number


@hookimpl
def register_tools(host: Host) -> list[Tool]:
    """The tool."""
    return [schedule_callback]
