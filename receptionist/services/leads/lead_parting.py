"""What two merged leads wrote into one conversation: each gets the own words back, by the address they came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from receptionist.db import AnyRow, Scope, db_now
from receptionist.errors import LeadError
from receptionist.models import Conversation, Identity, Line, Message, Session, Task, Turn
from receptionist.models.conversations import OPEN_STATES
from receptionist.services import accounts
from receptionist.services.leads import lead_merge

NO_SEQ = -1
"""No message's: a vendor's copy that is said to know it is deleted with the next turn, which begins another one, or
when one of the two leads is erased."""


def part(scope: Scope, merge: AnyRow, by: str) -> None:
    """Move messages since a merge to the lead whose address they have, once addresses and conversations went back.

    A turn goes with its messages, unless it answered both leads at once. What the agent kept of a conversation with
    both, its goals and summary, is forgotten, and a vendor that keeps it begins anew. Raises `LeadError` if one of them
    is being worked on."""
    strays = _strays(scope, merge)
    if any(row.lease_owner is not None or row.state in OPEN_STATES for row in strays):
        raise LeadError(lead_merge.BUSY)
    for line_id, lead_id in sorted({(row.line_id, row.owner) for row in strays}):
        own = [row for row in strays if (row.line_id, row.owner) == (line_id, lead_id)]
        _move(scope, own, _conversation(scope, own[-1], by))
    shared = sorted({row.conversation_id for row in strays})
    forgotten = {"goals": [], "calls": [], "pending": [], "summary": "", "summary_seq": 0}
    kept = scope.update(Session).where(Session.conversation_id.in_(shared))
    scope.run(kept.values(**forgotten, version=Session.version + 1))
    for conversation_id in shared:
        _give_to_one(scope, conversation_id)
    accounts.touch(scope)  # processes remember where the strays were written to, which is still a lead's conversation


def _give_to_one(scope: Scope, conversation_id: int) -> None:
    """Have replies of a conversation that was both leads' go where the one wrote from who has it now, and no model be
    asked with a vendor's copy in which the other's words are."""
    own = scope.select(Message, Message.address).where(Message.conversation_id == conversation_id)
    last = scope.first(own.order_by(Message.seq.desc()).limit(1))
    which = Conversation.id == conversation_id
    memory = scope.connection.execute(scope.select(Conversation, Conversation.provider_memory).where(which)).scalar()
    values: dict[str, Any] = {} if last is None else {"address": last.address}
    if memory is not None:
        values["provider_memory"] = memory | {"known_seq": NO_SEQ}
    if values:
        scope.run(scope.update(Conversation).where(which).values(**values))


def _strays(scope: Scope, merge: AnyRow) -> Sequence[AnyRow]:
    """Messages since the merge that are in a conversation of the other lead, in order; `owner` is whose they are."""
    names = ("id", "conversation_id", "line_id", "address", "turn_id", "state")
    both = (merge.kept_id, merge.merged_id)
    statement = (
        scope.select(
            Message,
            *(getattr(Message, name) for name in names),
            Conversation.lease_owner,
            Identity.lead_id.label("owner"),
        )
        .join(
            Conversation,
            sa.and_(Conversation.account_id == Message.account_id, Conversation.id == Message.conversation_id),
        )
        .join(Line, sa.and_(Line.account_id == Message.account_id, Line.id == Message.line_id))
        .join(
            Identity,
            sa.and_(
                Identity.account_id == Message.account_id,
                Identity.kind == "channel:" + Line.channel,
                Identity.value == Message.address,
            ),
        )
        .where(
            Conversation.lead_id.in_(both),
            Identity.lead_id.in_(both),
            Identity.lead_id != Conversation.lead_id,
            Message.created_at > merge.created_at,
        )
    )
    return scope.all(statement.order_by(Message.id))


def _conversation(scope: Scope, last: AnyRow, by: str) -> int:
    """The newest conversation of the owner on the line, or one that is archived already."""
    own = scope.select(Conversation, Conversation.id).where(
        Conversation.lead_id == last.owner, Conversation.line_id == last.line_id
    )
    known = scope.first(own.order_by(Conversation.id.desc()).limit(1))
    if known is not None:
        return int(known.id)
    archived = {"state": "archived", "archived_at": db_now(), "archived_by": by[:200]}
    return scope.insert(Conversation, lead_id=last.owner, line_id=last.line_id, address=last.address, **archived)


def _move(scope: Scope, rows: Sequence[AnyRow], conversation_id: int) -> None:
    new = {"conversation_id": conversation_id, "lead_id": rows[0].owner}
    taken = scope.connection.execute(
        scope.update(Conversation)
        .where(Conversation.id == conversation_id)
        .values(next_seq=Conversation.next_seq + len(rows))
        .returning(Conversation.next_seq)
    ).scalar_one()
    for seq, row in enumerate(rows, taken - len(rows)):
        scope.run(scope.update(Message).where(Message.id == row.id).values(**new, seq=seq))
    turns = sorted({row.turn_id for row in rows if row.turn_id is not None})
    rest = scope.select(Message, Message.turn_id).where(
        Message.turn_id.in_(turns), Message.conversation_id != conversation_id
    )
    whole = sorted(set(turns) - {row.turn_id for row in scope.all(rest)})
    scope.run(scope.update(Turn).where(Turn.id.in_(whole)).values(conversation_id=conversation_id))
    scope.run(scope.update(Task).where(Task.turn_id.in_(whole)).values(**new))
