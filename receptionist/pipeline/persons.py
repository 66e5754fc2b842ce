"""How a person is told of a turn, in the transaction that records it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receptionist.db import Scope, db_now
from receptionist.models import Conversation, Task
from receptionist.pipeline import loops
from receptionist.pipeline.lease import Lease
from receptionist.services import accounts
from receptionist.services.conversations import handover

if TYPE_CHECKING:
    from receptionist.pipeline.record import Outcome


def ask(scope: Scope, lease: Lease, outcome: Outcome, turn_id: int) -> str | None:
    """Ask for a person if the turn wants one; returns why, None if nobody is asked (again).

    Of a limit persons are told once, whatever the number of messages: by a task, and in this conversation. No outcome
    promises the customer a person by itself; that is what tools do, in `Ledger.finish`."""
    if outcome.withheld is not None:
        _add_task(scope, lease, "claim", outcome.withheld, turn_id)
    message = None if outcome.step is None else outcome.step.message
    if message is not None:
        _add_task(scope, lease, "message", message, turn_id)
    reason = outcome.person
    if reason is None or (outcome.limit and not _tell_of_limit(scope, lease, reason, turn_id)):
        return None
    if outcome.silent_for is not None:
        _silence(scope, lease, reason, outcome.silent_for.total_seconds())
        return reason
    shown = reason if message is None else f"{reason}: {message.replace(chr(10), '; ')}"
    handover.ask_for_person(scope, lease.conversation_id, shown, minutes=None)
    if message is not None:
        handover.promise_kept(scope, lease.conversation_id)
    return reason


def _tell_of_limit(scope: Scope, lease: Lease, text: str, turn_id: int) -> bool:
    """Add the task that tells of a limit, unless it is there: its text names subject, limit and day, so it is among
    the newest. The account is locked only by who may have to add it."""
    same = scope.select(Task, Task.id).where(Task.kind == "limit", Task.text == text)
    same = same.order_by(Task.id.desc()).limit(1)
    if scope.first(same) is not None:
        return False
    accounts.lock(scope)
    if scope.first(same) is not None:
        return False
    _add_task(scope, lease, "limit", text, turn_id)
    return True


def _add_task(scope: Scope, lease: Lease, kind: str, text: str, turn_id: int) -> None:
    about = {"conversation_id": lease.conversation_id, "lead_id": lease.lead_id, "turn_id": turn_id}
    scope.insert(Task, kind=kind, text=text, **about)


def _silence(scope: Scope, lease: Lease, reason: str, seconds: float) -> None:
    """Show the conversation to persons, and keep the agent silent until they hand it back or the time is over."""
    values = {
        "person_requested_at": db_now(),
        "person_reason": reason,
        "person": loops.GUARD,
        "person_until": db_now(seconds),
    }
    scope.run(scope.update(Conversation).where(Conversation.id == lease.conversation_id).values(**values))
