"""Two leads are one person: the second's addresses and conversations go to the one that is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from receptionist.db import AnyRow, Scope, db_now
from receptionist.errors import LeadError
from receptionist.models import Conversation, Identity, Lead, LeadMerge, LeadWord, Line, Message, Task
from receptionist.services.leads import consent, lead_addresses, lead_tags, lead_words, leads
from receptionist.services.leads.consent import Consents

FILLED = ("name", "email", "phone", "company", "language", "timezone")
"""What is taken from the merged lead where the kept one has nothing."""

PAGE = 50
BUSY = "A conversation of these leads is being worked on; please try again in a moment."


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An e-mail address or phone number (`kind`, `value`) that several leads wrote, proved or were given."""

    id: int
    kind: str
    value: str
    leads: tuple[AnyRow, ...]


def merge(scope: Scope, consents: Consents, kept_id: int, merged_id: int, by: str) -> int:
    """Let the first lead have all of the second; returns the id by which `lead_unmerge.unmerge` takes it back.

    Values of the second fill what is empty, notes and tags are joined, counts added; a refusal of messages wins. The
    strategy is the first one's: where another one answered the second, its conversation is archived. Of two open
    conversations on a line the one that was quiet for longer is archived. Raises `LeadError` if one of them
    is not there, was merged already or is being answered just now.
    """
    kept, merged = _both(scope, kept_id, merged_id)
    archived = _archive(scope, kept, merged, by)
    moved: dict[str, Any] = {"archived": archived, **_move(scope, kept.id, merged.id)}
    moved["tags"] = _join_tags(scope, kept.id, merged.id)
    moved["filled"], moved["custom"] = _fill(scope, kept, merged)
    gone = {"merged_into_id": kept.id, "version": Lead.version + 1, "updated_at": db_now()}
    scope.run(scope.update(Lead).where(Lead.id == merged.id).values(**gone))
    scope.run(sa.delete(LeadWord).where(LeadWord.account_id == scope.account_id, LeadWord.lead_id == merged.id))
    moved["consents"] = _join_consents(scope, consents, kept.id, merged.id)
    before = {name: getattr(kept, name) for name in (*FILLED, "notes", "custom")}
    return scope.insert(LeadMerge, kept_id=kept.id, merged_id=merged.id, moved=moved, before=before, by=by[:200])


def of(scope: Scope, lead_id: int) -> list[AnyRow]:
    """Merges that a lead took part in, the newest first."""
    mine = sa.or_(LeadMerge.kept_id == lead_id, LeadMerge.merged_id == lead_id)
    return scope.all(scope.select(LeadMerge).where(mine).order_by(LeadMerge.id.desc()))


def suggested(scope: Scope, *, before: int | None = None, limit: int = PAGE) -> tuple[list[Suggestion], int | None]:
    """Leads that may be one person, the newest suspicion first, and `before` for the next page, if there is one."""
    kinds = [lead_addresses.SHARED + kind for kind in lead_addresses.KINDS]
    statement = scope.select(Identity).where(Identity.kind.in_(kinds)).order_by(Identity.id.desc()).limit(limit)
    rows = scope.all(statement if before is None else statement.where(Identity.id < before))
    alike: dict[tuple[str, str], set[int]] = {}
    for row in rows:
        alike.setdefault(_which(row), set()).add(row.lead_id)
    for kind in lead_addresses.KINDS:
        for value, lead_id in _having(scope, kind, [value for its_kind, value in alike if its_kind == kind]):
            alike[kind, value].add(lead_id)
    known = scope.select(Lead).where(Lead.id.in_(set().union(*alike.values())), Lead.merged_into_id.is_(None))
    found = {row.id: row for row in scope.all(known)}
    suggestions = []
    for row in rows:
        kind, value = _which(row)
        several = tuple(found[each] for each in sorted(alike.pop((kind, value), ())) if each in found)
        if len(several) > 1:
            suggestions.append(Suggestion(row.id, kind, value, several))
    return suggestions, rows[-1].id if len(rows) == limit else None


def _which(row: AnyRow) -> tuple[str, str]:
    """Kind and value of the address that an identity says is shared."""
    kind = row.kind.removeprefix(lead_addresses.SHARED)
    return kind, lead_addresses.key(kind, row.value)


def _having(scope: Scope, kind: str, values: list[str]) -> list[tuple[str, int]]:
    """Who was given one of these addresses, or is known to have it."""
    held = scope.select(Identity, Identity.value, Identity.lead_id).where(
        Identity.kind == kind, Identity.value.in_(values)
    )
    return [*lead_addresses.given(scope, kind, values), *((row.value, row.lead_id) for row in scope.all(held))]


def _both(scope: Scope, kept_id: int, merged_id: int) -> tuple[AnyRow, AnyRow]:
    for lead_id in (kept_id, merged_id):
        if (now := leads.find(scope, lead_id).id) != lead_id:
            raise LeadError(f"Lead {lead_id} was merged into lead {now} already; name that one.")
    if kept_id == merged_id:
        raise LeadError("Name two leads; this is one.")
    kept, merged = leads.whole(scope, kept_id, merged_id)
    return kept, merged


def _archive(scope: Scope, kept: AnyRow, merged: AnyRow, by: str) -> list[int]:
    """Leave one open conversation on each line, of the strategy that answers there from now on; returns those that
    were archived. Raises `LeadError`.

    Whoever answers the merged lead would write to it still."""
    own = scope.select(Conversation).where(Conversation.lead_id.in_((kept.id, merged.id)))
    rows = scope.all(own.order_by(Conversation.last_message_at, Conversation.id))
    if any(row.lead_id == merged.id and row.lease_owner is not None for row in rows):
        raise LeadError(BUSY)
    others = _answered_otherwise(scope, kept, merged)
    last_on = {row.line_id: row.id for row in rows if row.state == "open" and (row.lead_id, row.line_id) not in others}
    ended = [row for row in rows if row.state == "open" and last_on.get(row.line_id) != row.id]
    if any(row.lease_owner is not None or row.due_at is not None for row in ended):
        raise LeadError(BUSY)
    ids = [row.id for row in ended]
    values = {"state": "archived", "archived_at": db_now(), "archived_by": by[:200]}
    scope.run(scope.update(Conversation).where(Conversation.id.in_(ids)).values(**values))
    return ids


def _answered_otherwise(scope: Scope, kept: AnyRow, merged: AnyRow) -> set[tuple[int, int]]:
    """The merged lead and each line where its strategy is not the kept one's."""
    if kept.strategy_id == merged.strategy_id:
        return set()
    lines = scope.all(scope.select(Line, Line.id, Line.strategy_id))
    return {
        (merged.id, line.id)
        for line in lines
        if (kept.strategy_id or line.strategy_id) != (merged.strategy_id or line.strategy_id)
    }


def _move(scope: Scope, kept_id: int, merged_id: int) -> dict[str, list[int]]:
    moved: dict[str, list[int]] = {}
    for model in (Identity, Conversation):
        own = scope.update(model).where(model.lead_id == merged_id).values(lead_id=kept_id).returning(model.id)
        moved[model.__tablename__] = sorted(scope.connection.execute(own).scalars())
    for rest in (Message, Task):
        scope.run(scope.update(rest).where(rest.lead_id == merged_id).values(lead_id=kept_id))
    return moved


def _join_tags(scope: Scope, kept_id: int, merged_id: int) -> list[str]:
    """Tags the kept lead gets, as many as one may have."""
    before = lead_tags.of(scope, kept_id)
    new = [tag for tag in lead_tags.of(scope, merged_id) if tag not in before][: max(lead_tags.MOST - len(before), 0)]
    lead_tags.put(scope, kept_id, [*before, *new], before)
    return new


def _fill(scope: Scope, kept: AnyRow, merged: AnyRow) -> tuple[dict[str, Any], dict[str, Any]]:
    """Values and own fields of the kept lead that are different now, and what they are."""
    filled = {name: getattr(merged, name) for name in FILLED if not getattr(kept, name) and getattr(merged, name)}
    custom = {name: value for name, value in merged.custom.items() if name not in kept.custom}
    if merged.notes:
        filled["notes"] = leads.joined_notes(kept.notes, merged.notes)
    first = [each for each in (kept.first_contact_at, merged.first_contact_at) if each is not None]
    last = [each for each in (kept.last_contact_at, merged.last_contact_at) if each is not None]
    values: dict[str, Any] = {
        **filled,
        "custom": {**kept.custom, **custom},
        "interaction_count": kept.interaction_count + merged.interaction_count,
        "first_contact_at": min(first, default=None),
        "last_contact_at": max(last, default=None),
        "recent_at": max(kept.recent_at, merged.recent_at),
        "version": Lead.version + 1,
        "updated_at": db_now(),
    }
    scope.run(scope.update(Lead).where(Lead.id == kept.id).values(**values))
    sources = (filled.get(name, getattr(kept, name)) for name in lead_words.SOURCES)
    lead_words.keep(scope, kept.id, lead_words.of(*sources))
    return filled, custom


def _join_consents(scope: Scope, consents: Consents, kept_id: int, merged_id: int) -> dict[str, Any]:
    """By channel: what the kept lead's consent was and is now, and what was silenced by it."""
    joined: dict[str, Any] = {}
    ours = consent.known(scope, kept_id)
    theirs = consent.known(scope, merged_id)
    for channel in ours.keys() | theirs.keys():
        old, new = ours.get(channel), theirs.get(channel)
        changed = False
        if new is not None and (old is None or (old.state, new.state) == ("granted", "refused")):
            consent.note(scope, kept_id, channel, new.state, new.source, new.changed_at)
            changed = True
        now = consent.known(scope, kept_id)[channel]
        spread = consents.spread(scope, kept_id, channel) if now.state == "refused" else {}
        joined[channel] = {
            "before": _plain(old) if old is not None else None,
            "changed": changed,
            "at": now.changed_at.isoformat(),
            **spread,
        }
    return joined


def _plain(known: AnyRow) -> dict[str, str]:
    """A consent as it is written into the merge, to be given back."""
    return {"state": known.state, "source": known.source, "at": known.changed_at.isoformat()}
