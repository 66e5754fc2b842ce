"""What tool calls back: the kinds of claims that are true because of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from receptionist.agents.claims.rules import KINDS
from receptionist.agents.context import PersonRequest
from receptionist.contracts.tool import Tool
from receptionist.services.leads.leads import LeadChange

EVERYTHING = frozenset(KINDS)
PERSON_BACKS = 20
"""Messages after one of a person in which anything may be said to be done; later that needs a tool."""
PERSON = frozenset(("handed_over", "promised"))


@dataclass(frozen=True, slots=True)
class Earlier:
    """What happened in earlier turns of a conversation: the names of tools with a call that is done, whether a person
    is asked for, and whether one wrote of late (and may have done anything)."""

    tools: frozenset[str] = frozenset()
    person_asked: bool = False
    person_wrote: bool = False


def backed(tool: Tool, changes: Iterable[object] = ()) -> frozenset[str]:
    """The kinds that a done call backs: those its tool declares, and what it changed. A tool that acts and does
    not say what it backs, backs every kind: what it does is not known."""
    if tool.acts and tool.claims is None:
        return EVERYTHING
    kinds: frozenset[str] = frozenset(tool.claims or ())
    for change in changes:
        if isinstance(change, PersonRequest):
            kinds |= PERSON
        elif isinstance(change, LeadChange):
            kinds |= {"noted"}
    return kinds
