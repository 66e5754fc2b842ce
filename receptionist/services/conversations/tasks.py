"""What persons have to do about conversations."""

from __future__ import annotations

from datetime import datetime

from receptionist.db import AnyRow, Scope, db_now
from receptionist.errors import LeadError
from receptionist.models import Conversation, Lead, Line, Task

PAGE = 50


def agree_callback(
    scope: Scope, conversation_id: int, lead_id: int, turn_id: int | None, text: str, due_at: datetime
) -> None:
    """The customer is to be called at this time, in place of a call agreed in this conversation and not made yet."""
    same = (Task.conversation_id == conversation_id, Task.kind == "callback", Task.done_at.is_(None))
    if scope.run(scope.update(Task).where(*same).values(text=text, due_at=due_at, turn_id=turn_id)):
        return
    about = {"conversation_id": conversation_id, "lead_id": lead_id, "turn_id": turn_id}
    scope.insert(Task, kind="callback", text=text, due_at=due_at, **about)


def listed(
    scope: Scope, *, done: bool = False, kind: str | None = None, before: int | None = None, limit: int = PAGE
) -> list[AnyRow]:
    """Open tasks, or those that are done, the newest first, with the lead's `name` and `phone` and the `line`;
    `before` an id for the next page."""
    columns = (Lead.name, Lead.phone, Line.title.label("line"))
    statement = (
        scope.select(Task, Task, *columns)
        .outerjoin(Lead, (Lead.account_id == Task.account_id) & (Lead.id == Task.lead_id))
        .outerjoin(
            Conversation,
            (Conversation.account_id == Task.account_id) & (Conversation.id == Task.conversation_id),
        )
        .outerjoin(Line, (Line.account_id == Conversation.account_id) & (Line.id == Conversation.line_id))
        .where(Task.done_at.is_not(None) if done else Task.done_at.is_(None))
        .order_by(Task.id.desc())
        .limit(limit)
    )
    if kind is not None:
        statement = statement.where(Task.kind == kind)
    return scope.all(statement if before is None else statement.where(Task.id < before))


def done(scope: Scope, task_id: int, by: str) -> bool:
    """Somebody has done a task; False if it was done before. Raises `LeadError` if there is none of this number."""
    own = scope.update(Task).where(Task.id == task_id, Task.done_at.is_(None))
    if scope.run(own.values(done_at=db_now(), done_by=by[:200])):
        return True
    if scope.first(scope.select(Task, Task.id).where(Task.id == task_id)) is None:
        raise LeadError(f"There is no task {task_id}.")
    return False
