"""Erasing a lead: every row about it goes in one transaction; a receipt without personal data remains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from receptionist.db import AnyRow, Scope, db_now
from receptionist.errors import LeadError
from receptionist.models import Base, Conversation, CreditEntry, Erasure, LeadMerge, Message, Turn, UsageDay, UsageMonth
from receptionist.services.leads import leads
from receptionist.services.leads.forgotten import Forgotten
from receptionist.services.leads.lead_parting import NO_SEQ

PAGE = 50
REMEMBERED_SECONDS = 31 * 86_400.0
"""Of messages that are younger a hash is kept, see `forgotten`."""
SENDING_SECONDS = 60.0
"""How long after its worker's last sign of life a message counts as on its way; then somebody looks after it."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was erased: rows by table, who asked for it and when; `left` is still to be deleted elsewhere."""

    id: int
    lead_id: int
    by: str
    at: datetime
    counts: Mapping[str, int]
    left: Mapping[str, Any]
    error: str | None
    done_at: datetime | None


def erase(scope: Scope, forgotten: Forgotten, lead_id: int, by: str) -> Receipt:
    """Delete all rows about a lead and about those merged into it; `pipeline.eraser` deletes the rest.

    Opt-outs stay, being hashes, and entries in the credit ledger, with no hint whom they were for. A table belongs to
    a lead if each of its rows refers to a lead, a conversation or a turn by foreign key. Raises `LeadError` if there
    is no such lead, it was merged into another or something is being sent to it, `Unavailable` if it changes just now.
    """
    family = _lock(scope, lead_id)
    own = _Own(scope, family)
    if own.sending():
        raise LeadError(f"A message to lead {lead_id} is on its way just now; please try again in a moment.")
    left = {"files": own.files(), "memories": own.memories(), "event": True, "database": True}
    forgotten.note(scope, own.recent())
    values = {"lead_id": lead_id, "by": by[:200], "counts": own.delete(), "left": left}
    erasure_id = scope.insert(Erasure, tries=0, due_at=db_now(), **values)
    return find(scope, erasure_id)


def delete_rows(scope: Scope, lead_ids: list[int]) -> dict[str, int]:
    """Delete all rows about these leads, without a receipt and whatever is outside the database; rows by table."""
    return _Own(scope, lead_ids).delete()


def find(scope: Scope, erasure_id: int) -> Receipt:
    """One receipt. Raises `LeadError`."""
    row = scope.first(scope.select(Erasure).where(Erasure.id == erasure_id))
    if row is None:
        raise LeadError(f"There is no erasure {erasure_id}.")
    return _receipt(row)


def listed(scope: Scope, *, before: int | None = None, limit: int = PAGE) -> list[Receipt]:
    """Receipts, the newest first; `before` an id for the next page."""
    statement = scope.select(Erasure).order_by(Erasure.id.desc()).limit(limit)
    return [_receipt(row) for row in scope.all(statement if before is None else statement.where(Erasure.id < before))]


def _receipt(row: AnyRow) -> Receipt:
    return Receipt(row.id, row.lead_id, row.by, row.created_at, row.counts, row.left, row.error, row.done_at)


def _lock(scope: Scope, lead_id: int) -> list[int]:
    """The lead, locked so that nobody adds to it, and all that were merged into it."""
    [row] = leads.whole(scope, lead_id)
    if row.id != lead_id:
        raise LeadError(f"Lead {lead_id} was merged into lead {row.id}: erase that one, or undo the merge first.")
    return _family(scope, lead_id)


def _family(scope: Scope, lead_id: int) -> list[int]:
    family, newest = [lead_id], [lead_id]
    while newest:
        merged = scope.select(LeadMerge, LeadMerge.merged_id).where(
            LeadMerge.kept_id.in_(newest), LeadMerge.undone_at.is_(None), LeadMerge.merged_id.not_in(family)
        )
        newest = sorted({row.merged_id for row in scope.all(merged)})
        family += newest
    return family


def _conversations(scope: Scope, family: list[int]) -> sa.Select[Any]:
    return scope.select(Conversation, Conversation.id).where(Conversation.lead_id.in_(family))


class _Own:
    """The rows of some leads."""

    def __init__(self, scope: Scope, family: list[int]) -> None:
        self._scope, self._family = scope, family
        self._held = _conversations(scope, family)
        self._turns = scope.select(Turn, Turn.id).where(Turn.conversation_id.in_(self._held))
        self._messages = Message.conversation_id.in_(self._held)

    def files(self) -> list[str]:
        """Keys of the files in the storage."""
        rows = self._scope.all(
            self._scope.select(Message, Message.attachments).where(self._messages, Message.attachments.is_not(None))
        )
        return [each["key"] for row in rows for each in row.attachments or () if each.get("key")]

    def memories(self) -> list[dict[str, Any]]:
        """What vendors of models keep, as the conversations say; also of leads that these were one with, where the
        words of both are in it: those conversations let go of it."""
        scope, known = self._scope, Conversation.provider_memory
        columns = (Conversation.id, Conversation.lead_id, known)
        whose = Conversation.lead_id.in_([*self._family, *self._once_one()])
        rows = [
            row
            for row in scope.all(scope.select(Conversation, *columns).where(whose, known.is_not(None)))
            if row.lead_id in self._family or row.provider_memory.get("known_seq") == NO_SEQ
        ]
        shared = [row.id for row in rows if row.lead_id not in self._family]
        scope.run(scope.update(Conversation).where(Conversation.id.in_(shared)).values(provider_memory=None))
        return [dict(row.provider_memory) for row in rows]

    def _once_one(self) -> set[int]:
        """Leads that one of these was merged with, until that was undone."""
        both = sa.or_(LeadMerge.kept_id.in_(self._family), LeadMerge.merged_id.in_(self._family))
        merges = self._scope.select(LeadMerge, LeadMerge.kept_id, LeadMerge.merged_id)
        rows = self._scope.all(merges.where(both, LeadMerge.undone_at.is_not(None)))
        return {each for row in rows for each in row} - set(self._family)

    def sending(self) -> bool:
        """Whether something is on its way to a vendor, whose id for it is not known yet: reported by the vendor later,
        it would make the lead again."""
        alive = Conversation.lease_until > db_now(-SENDING_SECONDS)
        held = self._scope.select(Conversation, Conversation.id).where(Conversation.id.in_(self._held), alive)
        on_its_way = self._scope.select(Message, Message.id).where(
            Message.conversation_id.in_(held), Message.state == "sending"
        )
        return self._scope.first(on_its_way.limit(1)) is not None

    def recent(self) -> list[tuple[int, str]]:
        """Messages that a vendor may hand over again, by line and the vendor's id."""
        rows = self._scope.all(
            self._scope.select(Message, Message.line_id, Message.provider_message_id).where(
                self._messages,
                Message.provider_message_id.is_not(None),
                Message.created_at > db_now(-REMEMBERED_SECONDS),
            )
        )
        return [(row.line_id, row.provider_message_id) for row in rows]

    def delete(self) -> dict[str, int]:
        """Delete them all, children first, whatever tables there are; rows by table."""
        scope = self._scope
        scope.run(scope.update(CreditEntry).where(CreditEntry.turn_id.in_(self._turns)).values(turn_id=None))
        counts = self._delete_usage()
        for rows in reversed(Base.metadata.sorted_tables):
            if (which := self._which(rows)) is not None:
                counts[rows.name] = scope.run(sa.delete(rows).where(rows.c.account_id == scope.account_id, which))
        return {name: count for name, count in counts.items() if count}

    def _delete_usage(self) -> dict[str, int]:
        """Delete what refers to these leads by no foreign key; days before months, as they are written, so that nobody
        who writes them deadlocks with us."""
        own: dict[Any, sa.ColumnElement[bool]] = {
            UsageDay: sa.and_(UsageDay.kind == "lead", UsageDay.subject_id.in_(self._family)),
            UsageMonth: UsageMonth.lead_id.in_(self._family),
        }
        account_id = self._scope.account_id
        return {
            rows.__tablename__: self._scope.run(sa.delete(rows).where(rows.account_id == account_id, which))
            for rows, which in own.items()
        }

    def _which(self, rows: sa.Table) -> sa.ColumnElement[bool] | None:
        """The rows of a table that are about these leads; None for one that refers to no lead, or not always."""
        if rows.name == "leads":
            return rows.c.id.in_(self._family)
        needed = [
            (key.referred_table.name, column)
            for key in rows.foreign_key_constraints
            for column in key.columns
            if not column.nullable and column.name != "account_id"
        ]
        owners: dict[str, Any] = {"conversations": self._held, "turns": self._turns, "leads": self._family}
        for owner, ids in owners.items():  # by the one that is indexed and leaves the fewest
            if columns := [column for name, column in needed if name == owner]:
                return sa.or_(*(column.in_(ids) for column in columns))
        return None
