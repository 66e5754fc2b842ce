"""A person in a conversation: takes it, writes, gives it back; the agent is silent in between."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from receptionist.db import AnyRow, Scope, db_now
from receptionist.errors import LineError
from receptionist.models import Conversation, Message
from receptionist.services.conversations import sessions, stretches

MINUTES = 60
"""How long a person's last message silences the agent, where no strategy says otherwise."""

_NOT_ASKED = {"person_requested_at": None, "person_reason": None, "person_due_at": None}

OPTED_OUT = "The customer opted out of messages on this channel; nothing may be sent before START."


def lock(scope: Scope, conversation_id: int) -> AnyRow:
    """The conversation, locked until the end of the transaction. Raises `LineError` if there is none."""
    statement = scope.select(Conversation).where(Conversation.id == conversation_id).with_for_update()
    row = scope.first(statement)
    if row is None:
        raise LineError(f"There is no conversation {conversation_id}.")
    return row


def ask_for_person(scope: Scope, conversation_id: int, reason: str, minutes: int | None) -> None:
    """Show the conversation to persons. Where one was promised to the customer, the agent takes a message if nobody
    comes within so many minutes; None promises nothing. An earlier promise stays as it is: who is promised a person
    again and again waits no longer."""
    values: dict[str, Any] = {"person_requested_at": db_now(), "person_reason": reason}
    if minutes is not None:
        values["person_due_at"] = sa.func.coalesce(Conversation.person_due_at, db_now(minutes * 60))
    scope.run(scope.update(Conversation).where(Conversation.id == conversation_id).values(**values))


def promise_kept(scope: Scope, conversation_id: int) -> None:
    """The customer need not be told any more that nobody came: it was said, or a message is taken."""
    scope.run(scope.update(Conversation).where(Conversation.id == conversation_id).values(person_due_at=None))


def take(scope: Scope, conversation_id: int, person: str, minutes: int, *, shorten: bool = True) -> None:
    """Let a person have the conversation for so many minutes from now; an answer that is being written is stopped.

    Without `shorten`, as for somebody who writes, it stays taken for longer where it was. Raises `LineError` if there
    is no such conversation."""
    until, longer = db_now(minutes * 60), Conversation.person_until
    values: dict[str, Any] = {
        "person": person[:200],
        "person_until": until if shorten else sa.case((longer > until, longer), else_=until),
        **_NOT_ASKED,
        "next_seq": Conversation.next_seq + 1,  # the holder of the lease looks again
    }
    row = _changed(scope, Conversation.id == conversation_id, values)
    if row is None:
        raise LineError(f"There is no conversation {conversation_id}.")
    seq = row.next_seq - 1
    sessions.change(scope, conversation_id, lambda state: stretches.taken(state, seq, minutes, shorten=shorten))


def hand_back(scope: Scope, conversation_id: int) -> bool:
    """Let the agent answer again, from the customer's next message on. False if no person has it, and none was asked
    for. Raises `LineError` if there is no such conversation."""
    with_person = sa.or_(Conversation.person_until > db_now(), Conversation.person_requested_at.is_not(None))
    which = sa.and_(Conversation.id == conversation_id, with_person)
    row = _changed(scope, which, {"person": None, "person_until": None, **_NOT_ASKED})
    if row is None:
        lock(scope, conversation_id)
        return False
    sessions.change(scope, conversation_id, lambda state: stretches.given_back(state, row.next_seq))
    return True


def _changed(scope: Scope, which: sa.ColumnElement[bool], values: dict[str, Any]) -> AnyRow | None:
    """Change the conversation, which is locked then; returns its `next_seq`, None if there is no such one."""
    statement = scope.update(Conversation).where(which).values(**values)
    return scope.connection.execute(statement.returning(Conversation.next_seq)).first()


def reply(
    scope: Scope,
    conversation_id: int,
    person: str,
    text: str,
    minutes: int,
    attachments: list[dict[str, Any]] | None = None,
    *,
    fetched: bool = False,
) -> int:
    """Write to the customer as a person, and take the conversation; returns the message's id.

    `fetched`: the customer's client fetches what is recorded, so that recording is delivering.

    `attachments` are stored files: `content_type`, `name`, `key`, `size`. A worker sends it within its sweep, sooner
    if it is rung for. Raises `LineError` if the customer refused messages.
    """
    conversation = lock(scope, conversation_id)
    if conversation.opted_out_at is not None:
        raise LineError(OPTED_OUT)
    message_id = add_message(
        scope, conversation_id, text, state="sent" if fetched else "pending", attachments=attachments
    )
    take(scope, conversation_id, person, minutes, shorten=False)
    wake(scope, conversation_id)
    return message_id


def wake(scope: Scope, conversation_id: int) -> None:
    """Let a worker look at a conversation; within its sweep, sooner if it is rung for."""
    due = sa.func.coalesce(Conversation.due_at, db_now())
    scope.run(scope.update(Conversation).where(Conversation.id == conversation_id).values(due_at=due))


def add_message(
    scope: Scope,
    conversation_id: int,
    text: str,
    *,
    state: str,
    provider_message_id: str | None = None,
    sent_at: datetime | None = None,
    attachments: list[dict[str, Any]] | None = None,
    author: Literal["person", "agent"] = "person",
    address: str | None = None,
) -> int:
    """A message at the end of a conversation that is locked, besides the replies of turns; returns its id.

    `address`: where it goes, if not to where the customer wrote from last."""
    row = scope.connection.execute(
        scope.update(Conversation)
        .where(Conversation.id == conversation_id)
        .values(next_seq=Conversation.next_seq + 1, last_message_at=db_now())
        .returning(Conversation.next_seq, Conversation.lead_id, Conversation.line_id, Conversation.address)
    ).one()
    return scope.insert(
        Message,
        conversation_id=conversation_id,
        lead_id=row.lead_id,
        line_id=row.line_id,
        seq=row.next_seq - 1,
        direction="out",
        address=address or row.address,
        author=author,
        text=text,
        state=state,
        provider_message_id=provider_message_id,
        sent_at=sent_at,
        attachments=attachments,
    )
