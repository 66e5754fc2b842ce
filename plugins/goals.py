"""The tools by which the agent keeps in mind what a customer is about: goals, with what is known for them so far."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from receptionist import Host, Tool, ToolContext, hookimpl, tool


class Slot(BaseModel):
    """One thing that is known for a goal."""

    name: str = Field(min_length=1, max_length=40, description="Such as service, day, time or budget")
    value: str = Field(max_length=300)


@tool(effect="writes", idempotent=True, claims=("noted",))
def set_goal(
    context: ToolContext,
    kind: Annotated[
        Literal["booking", "qualification", "question", "request"], Field(description="What sort of thing it is")
    ],
    title: Annotated[str, Field(min_length=1, max_length=120, description="What the customer wants, in a few words")],
    slots: Annotated[list[Slot], Field(max_length=20, description="What is known for it so far")],
    goal_id: Annotated[str | None, Field(max_length=20, description="The open goal to add to; null: a new one")] = None,
) -> dict[str, Any]:
    """Keep in mind something the customer wants that is not finished in this answer: a booking of which something is
    missing, a question that stays open, a qualification that goes on. Call it again with goal_id when more is known."""
    kept = context.set_goal(kind, title.strip(), {slot.name: slot.value for slot in slots}, goal_id=goal_id)
    return {"kept": kept}


@tool(effect="writes", idempotent=True, claims=())
def close_goal(
    context: ToolContext,
    goal_id: Annotated[str, Field(max_length=20)],
    done: Annotated[bool, Field(description="Whether the customer got it; false: not wanted, or not possible")],
    outcome: Annotated[str, Field(min_length=1, max_length=300, description="What became of it, in a sentence")],
) -> dict[str, Any]:
    """Close an open goal, when it is reached or the customer does not want it any more."""
    context.close_goal(goal_id, done=done, outcome=outcome.strip())
    return {"closed": goal_id}


@hookimpl
def register_tools(host: Host) -> list[Tool]:
    """The two tools."""
    return [set_goal, close_goal]
