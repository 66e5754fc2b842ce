"""The tool by which the agent offers short answers to choose from."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from receptionist import Host, Tool, ToolContext, hookimpl, tool


@tool(claims=())
def offer_choices(
    context: ToolContext,
    choices: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=40)]],
        Field(min_length=2, max_length=6, description="What the customer may answer, in the customer's words"),
    ],
) -> dict[str, Any]:
    """Offer the customer short answers to choose from, below your next reply: times, services, yes and no. Ask the
    question in the reply and do not list the answers there; they may still write something else."""
    context.offer_choices(choices)
    return {"offered": choices}


@hookimpl
def register_tools(host: Host) -> list[Tool]:
    """The tool."""
    return [offer_choices]
