"""The tool by which the agent ends a conversation that is over."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from receptionist import Host, Tool, ToolContext, hookimpl, tool


@tool(effect="writes", idempotent=True, claims=())
def end_conversation(
    context: ToolContext,
    reason: Annotated[str, Field(min_length=1, max_length=150, description="Why it is over, in a few words")],
) -> dict[str, Any]:
    """End the conversation after this reply: when all is settled and the customer said goodbye, or when it is abuse or
    spam. What the customer writes later begins a new one, in which you remember nothing of this one."""
    context.end_conversation(reason)
    return {"ended": True, "say": "Say goodbye; ask nothing more."}


@hookimpl
def register_tools(host: Host) -> list[Tool]:
    """The tool."""
    return [end_conversation]
