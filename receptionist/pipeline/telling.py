"""What is told of a turn once it is recorded: its replies to who watches, and what happened to plugins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from receptionist.contracts.events import Event, LeadChanged, MessageFailed, PersonRequested, TurnRecorded
from receptionist.db import AnyRow
from receptionist.live.recorded import recorded as recorded_event
from receptionist.parts import Parts
from receptionist.pipeline.lease import Lease
from receptionist.pipeline.record import Outcome, Recorded


def show_replies(parts: Parts, lease: Lease, replies: Sequence[AnyRow], ticket: int) -> None:
    """Show replies that clients fetch to those who watch; `ticket` names the turn in live events."""
    for row in replies:
        if row.state == "sent":  # the customer may have changed address since the turn began
            event = recorded_event(
                row.id, "out", row.text, row.created_at, author="agent", turn=ticket, choices=row.choices
            )
            parts.bus.publish((lease.line_id, row.address), event)


def events_of(
    lease: Lease, waiting: Sequence[AnyRow], outcome: Outcome, recorded: Recorded, seconds: float
) -> Iterator[Event]:
    """The events of a turn that answered what was `waiting`, in the order in which they are told."""
    account_id, conversation_id = lease.account_id, lease.conversation_id
    if fields := recorded.learned.fields():
        yield LeadChanged(account_id, lease.lead_id, fields)
    yield from recorded.goals
    yield TurnRecorded(
        account_id,
        conversation_id,
        recorded.turn_id,
        seconds,
        outcome.state == "failed",
        outcome.state,
        outcome.model,
        outcome.usage,
        outcome.cost,
    )
    if outcome.state == "failed":
        for row in waiting:
            yield MessageFailed(account_id, conversation_id, row.id, outcome.error or "failed")
    if recorded.person is not None:
        summary = (outcome.step.message if outcome.step else None) or ""
        yield PersonRequested(account_id, conversation_id, recorded.person, summary)
