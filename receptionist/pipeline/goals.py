"""What plugins are told of the goals that a turn set or closed, once that is committed."""

from __future__ import annotations

from receptionist.contracts.events import Event, GoalChanged
from receptionist.pipeline.lease import Lease
from receptionist.services.conversations.sessions import SessionState


def changed(lease: Lease, before: SessionState, after: SessionState) -> list[Event]:
    """An event for each goal that is new, or is not what it was before."""
    return [
        GoalChanged(lease.account_id, lease.conversation_id, goal.id, goal.kind, goal.state, goal.title, goal.outcome)
        for goal in after.goals
        if goal not in before.goals
    ]
