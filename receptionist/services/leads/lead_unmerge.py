"""Two leads were not one person after all: what a merge moved goes back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from receptionist.db import AnyRow, Scope, db_now
from receptionist.errors import LeadError
from receptionist.models import (
    Consent,
    Conversation,
    Identity,
    Lead,
    LeadMerge,
    Line,
    Message,
    OptOut,
    Task,
)
from receptionist.services.leads import consent, lead_merge, lead_parting, lead_tags, lead_words, leads
from receptionist.services.leads.consent import Consents


def unmerge(scope: Scope, consents: Consents, merge_id: int, by: str) -> tuple[int, int]:
    """Undo a merge; returns the ids of the two leads, the one that was kept first.

    Identities, conversations and their messages are where they were. Of the kept lead's values those that nobody
    changed since are what they were. Conversations begun since go by their address, and so do messages since in a
    conversation of both. Raises `LeadError` if there is no such merge, it was undone, a later one hides it, or one of
    the leads is being answered just now.
    """
    merge, kept, merged = _open(scope, merge_id)
    moved = merge.moved
    back = _conversations(scope, merge)
    _move(scope, merge, [row.id for row in back])
    lead_parting.part(scope, merge, by)
    _reopen(scope, moved["archived"], merge)
    _restore(scope, kept, merge)
    own = {"merged_into_id": None, "version": Lead.version + 1, "updated_at": db_now()}
    scope.run(scope.update(Lead).where(Lead.id == merged.id).values(**own))
    for lead_id in (kept.id, merged.id):
        _count(scope, lead_id)
        row = leads.find(scope, lead_id)
        lead_words.keep(scope, lead_id, lead_words.of(*(getattr(row, name) for name in lead_words.SOURCES)))
    _part_consents(scope, consents, merge)
    undone = {"undone_at": db_now(), "moved": {**moved, "undone_by": by[:200]}}
    scope.run(scope.update(LeadMerge).where(LeadMerge.id == merge.id).values(**undone))
    return kept.id, merged.id


def _open(scope: Scope, merge_id: int) -> tuple[AnyRow, AnyRow, AnyRow]:
    """The merge, and both leads, locked."""
    statement = scope.select(LeadMerge).where(LeadMerge.id == merge_id)
    merge = scope.first(statement)
    if merge is None:
        raise LeadError(f"There is no merge {merge_id}.")
    if merge.undone_at is not None:
        raise LeadError(f"Merge {merge_id} was undone already.")
    if (now := leads.find(scope, merge.kept_id).id) != merge.kept_id:
        raise LeadError(f"Lead {merge.kept_id} was merged into lead {now} since; undo that merge first.")
    [kept] = leads.whole(scope, merge.kept_id)
    merged = scope.first(scope.select(Lead).where(Lead.id == merge.merged_id).with_for_update())
    merge = scope.first(statement.with_for_update())
    if merge is None or merge.undone_at is not None or merged is None:
        raise LeadError(f"Merge {merge_id} was undone just now.")
    return merge, kept, merged


def _conversations(scope: Scope, merge: AnyRow) -> Sequence[AnyRow]:
    """Those that go back: what was moved, and what began since at an address that was moved."""
    identities, conversations = merge.moved["identities"], merge.moved["conversations"]
    theirs = (
        scope.select(Identity, Identity.id)
        .join(Line, sa.and_(Line.account_id == Identity.account_id, Identity.kind == "channel:" + Line.channel))
        .where(Identity.id.in_(identities), Line.id == Conversation.line_id, Identity.value == Conversation.address)
        .exists()
    )
    since = sa.and_(Conversation.created_at > merge.created_at, theirs)
    rows = scope.all(
        scope.select(Conversation).where(
            Conversation.lead_id == merge.kept_id, sa.or_(Conversation.id.in_(conversations), since)
        )
    )
    if any(row.lease_owner is not None for row in rows):
        raise LeadError(lead_merge.BUSY)
    return rows


def _move(scope: Scope, merge: AnyRow, back: list[int]) -> None:
    own = {"lead_id": merge.merged_id}
    scope.run(
        scope.update(Identity)
        .where(Identity.id.in_(merge.moved["identities"]), Identity.lead_id == merge.kept_id)
        .values(**own)
    )
    scope.run(scope.update(Conversation).where(Conversation.id.in_(back)).values(**own))
    for model in (Message, Task):
        scope.run(scope.update(model).where(model.conversation_id.in_(back)).values(**own))


def _reopen(scope: Scope, archived: list[int], merge: AnyRow) -> None:
    """Open what the merge archived, where its lead has no other open conversation on the line."""
    for row in scope.all(scope.select(Conversation).where(Conversation.id.in_(archived))):
        is_open = scope.select(Conversation, Conversation.id).where(
            Conversation.lead_id == row.lead_id, Conversation.line_id == row.line_id, Conversation.state == "open"
        )
        if row.state == "archived" and scope.first(is_open) is None:
            values = {"state": "open", "archived_at": None, "archived_by": None}
            scope.run(scope.update(Conversation).where(Conversation.id == row.id).values(**values))


def _restore(scope: Scope, kept: AnyRow, merge: AnyRow) -> None:
    """Take away what the kept lead got, unless somebody changed it since."""
    moved, before = merge.moved, merge.before
    values: dict[str, Any] = {
        name: before[name]
        for name, after in moved["filled"].items()
        if name != "notes" and getattr(kept, name) == after
    }
    notes = moved["filled"].get("notes")
    if notes is not None and kept.notes.startswith(notes):  # what was written since stays
        values["notes"] = leads.joined_notes(before["notes"], kept.notes[len(notes) :].strip())
    custom = dict(kept.custom)
    for name, after in moved["custom"].items():
        if custom.get(name) == after:
            del custom[name]
    values |= {"custom": custom, "version": Lead.version + 1, "updated_at": db_now()}
    scope.run(scope.update(Lead).where(Lead.id == kept.id).values(**values))
    tags = lead_tags.of(scope, kept.id)
    lead_tags.put(scope, kept.id, [tag for tag in tags if tag not in moved["tags"]], tags)


def _count(scope: Scope, lead_id: int) -> None:
    """What the lead wrote, counted anew."""
    at = Message.created_at
    written = scope.select(
        Message, sa.func.count().label("count"), sa.func.min(at).label("first"), sa.func.max(at).label("last")
    )
    row = scope.connection.execute(written.where(Message.lead_id == lead_id, Message.direction == "in")).one()
    values = {"interaction_count": row.count, "first_contact_at": row.first, "last_contact_at": row.last}
    recent = row.last if row.last is not None else Lead.created_at
    scope.run(scope.update(Lead).where(Lead.id == lead_id).values(**values, recent_at=recent))


def _part_consents(scope: Scope, consents: Consents, merge: AnyRow) -> None:
    """What each of them agreed to before, unless the kept lead said otherwise since."""
    ours = consent.known(scope, merge.kept_id)
    for channel, joined in merge.moved["consents"].items():
        now = ours.get(channel)
        if now is None or now.changed_at.isoformat() != joined["at"]:
            continue
        which = (Consent.account_id == scope.account_id, Consent.lead_id == merge.kept_id, Consent.channel == channel)
        if joined["changed"] and joined["before"] is None:
            scope.run(sa.delete(Consent).where(*which))
        elif joined["changed"]:
            _give_back(scope, merge.kept_id, channel, **joined["before"])
        _open_again(scope, joined)
    for channel, theirs in consent.known(scope, merge.merged_id).items():
        if theirs.state == "refused":
            consents.spread(scope, merge.merged_id, channel)


def _give_back(scope: Scope, lead_id: int, channel: str, state: str, source: str, at: str | None = None) -> None:
    """A consent as it was; since now, if the merge is older than the keeping of `at`."""
    consent.note(scope, lead_id, channel, state, source, None if at is None else datetime.fromisoformat(at))


def _open_again(scope: Scope, joined: dict[str, Any]) -> None:
    made, silenced = joined.get("opt_outs", []), joined.get("conversations", [])
    scope.run(sa.delete(OptOut).where(OptOut.account_id == scope.account_id, OptOut.id.in_(made)))
    scope.run(scope.update(Conversation).where(Conversation.id.in_(silenced)).values(opted_out_at=None))
