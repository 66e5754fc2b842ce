"""The session as a turn changes it, and what plugins are told of the goals that this set or closed."""

from __future__ import annotations

from collections.abc import Callable

from receptionist.contracts.events import Event, GoalChanged
from receptionist.db import Scope
from receptionist.pipeline.lease import Lease
from receptionist.services.conversations import sessions
from receptionist.services.conversations.sessions import SessionState


def change(scope: Scope, lease: Lease, apply: Callable[[SessionState], SessionState]) -> list[Event]:
    """Change the conversation's session; an event for each goal that is new, or is not what it was before, to be told
    once that is committed."""
    before = SessionState()

    def noting(state: SessionState) -> SessionState:
        nonlocal before
        before = state
        return apply(state)

    after = sessions.change(scope, lease.conversation_id, noting)
    lease.session_version = after.version
    return [
        GoalChanged(lease.account_id, lease.conversation_id, goal.id, goal.kind, goal.state, goal.title, goal.outcome)
        for goal in after.goals
        if goal not in before.goals
    ]
