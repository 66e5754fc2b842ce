"""Drafts: fields of a strategy that are being edited and answer nobody before they are published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from receptionist.contracts.strategy import StrategyFields
from receptionist.db import AnyRow, Scope, db_now
from receptionist.errors import EditConflict, LineError
from receptionist.models import Strategy
from receptionist.services.strategies import strategy_versions
from receptionist.services.strategies.strategies import Check, parse


@dataclass(frozen=True, slots=True)
class Draft:
    """What an editor begins with: the draft, or where there is none the published fields (`saved` is then False), or
    the defaults. Give `revision` back when saving."""

    fields: StrategyFields
    revision: int
    saved: bool
    by: str | None
    at: datetime | None


def read(scope: Scope, strategy_id: int) -> Draft:
    """The draft as it is now. Raises `LineError` if there is no such strategy."""
    return _draft(scope, _strategy(scope, strategy_id))


def save(
    scope: Scope, strategy_id: int, fields: StrategyFields, check: Check, by: str, *, revision: int | None = None
) -> Draft:
    """Keep `fields` as the draft; where they are those of the published version, there is none any more.

    `revision`: that of the draft which was edited; None overwrites whatever is there. Raises `EditConflict` if it was
    saved, discarded or published since, else an `AdminError` for fields that cannot work."""
    row = _strategy(scope, strategy_id, lock=True)
    _refuse_stale(row, revision)
    check(fields)
    _store(scope, strategy_id, None if strategy_versions.same_as_published(scope, row, fields) else fields, by)
    return read(scope, strategy_id)


def begin(scope: Scope, strategy_id: int, fields: StrategyFields, check: Check, by: str) -> Draft:
    """Like `save`, where there is no draft yet. Raises `EditConflict` if there is one."""
    row = _strategy(scope, strategy_id, lock=True)
    if row.draft is not None:
        raise EditConflict(
            f"The strategy {row.name} has a draft already, saved{_by(row.draft_by)}; publish or discard it first."
        )
    return save(scope, strategy_id, fields, check, by)


def change(
    scope: Scope, strategy_id: int, changes: Mapping[str, Any], check: Check, by: str, *, revision: int | None = None
) -> Draft:
    """Change single fields of the draft; a name may lead into an object by dots: `opening_hours.monday`.

    Raises what `save` does, and `LineError` for a name that leads nowhere."""
    row = _strategy(scope, strategy_id, lock=True)
    plain = _draft(scope, row).fields.model_dump(mode="json")
    for name, value in changes.items():
        _put(plain, name, value)
    return save(scope, strategy_id, parse(plain), check, by, revision=revision)


def discard(scope: Scope, strategy_id: int) -> None:
    """Forget the draft. Raises `LineError` if there is none."""
    row = _strategy(scope, strategy_id, lock=True)
    if row.draft is None:
        raise LineError(f"The strategy {row.name} has no draft.")
    _store(scope, strategy_id, None, None)


def publish(scope: Scope, strategy_id: int, check: Check, by: str, note: str = "", *, over_newer: bool = False) -> int:
    """Publish the draft as the newest version; returns its number. Of a strategy that has neither, the defaults.

    Raises `LineError` if there is nothing new in it, `EditConflict` if a version was published after the draft was
    last saved (unless `over_newer`), and an `AdminError` for fields that cannot work any more."""
    row = _strategy(scope, strategy_id, lock=True)
    fields = _draft(scope, row).fields
    if strategy_versions.same_as_published(scope, row, fields):
        raise LineError(f"The strategy {row.name} has no draft that differs from what is published; edit it first.")
    if not over_newer and row.draft is not None and row.published_number is not None:
        newest = strategy_versions.find(scope, strategy_id, row.published_number)
        if newest.published_at is not None and newest.published_at > row.draft_at:
            raise EditConflict(
                f"Version {newest.number} was published{_by(newest.published_by)} after this draft was last saved, and "
                "would be undone. Look at the difference, then publish with --anyway, or discard the draft."
            )
    check(fields)
    number = strategy_versions.add(scope, strategy_id, fields, by, note)
    _store(scope, strategy_id, None, None)
    return number


def _strategy(scope: Scope, strategy_id: int, *, lock: bool = False) -> AnyRow:
    statement = scope.select(Strategy).where(Strategy.id == strategy_id)
    row = scope.first(statement.with_for_update() if lock else statement)
    if row is None:
        raise LineError(f"There is no strategy {strategy_id}.")
    return row


def _draft(scope: Scope, row: AnyRow) -> Draft:
    if row.draft is not None:
        fields = strategy_versions.stored(row.draft, f"The draft of {row.name}", "Discard it, or save it anew")
        return Draft(fields, row.draft_revision, True, row.draft_by, row.draft_at)
    if row.published_number is not None:
        fields = strategy_versions.fields(scope, row.id, row.published_number)
        return Draft(fields, row.draft_revision, False, None, None)
    return Draft(StrategyFields(), row.draft_revision, False, None, None)


def _refuse_stale(row: AnyRow, revision: int | None) -> None:
    if revision is None or revision == row.draft_revision:
        return
    who = f": the draft was saved{_by(row.draft_by)}" if row.draft is not None else ""
    raise EditConflict(f"The strategy {row.name} was changed since you opened it{who}. Nothing was overwritten.")


def _by(who: str | None) -> str:
    return f" by {who}" if who else ""


def _store(scope: Scope, strategy_id: int, fields: StrategyFields | None, by: str | None) -> None:
    """The draft answers nobody, so the account's revision stays as it is."""
    values: dict[str, Any] = {
        "draft": fields.model_dump(mode="json") if fields else None,
        "draft_by": by[:200] if fields and by else None,
        "draft_at": db_now() if fields else None,
        "draft_revision": Strategy.draft_revision + 1,
    }
    scope.run(scope.update(Strategy).where(Strategy.id == strategy_id).values(**values))


def _put(plain: dict[str, Any], name: str, value: Any) -> None:
    """Set a value by its dotted name. An unknown field is named, with the nearest known one, when all are parsed."""
    *steps, last = name.split(".")
    place = plain
    for number, step in enumerate(steps, 1):
        inner = place.get(step)
        if inner is None:
            inner = place[step] = {}
        if not isinstance(inner, dict):
            raise LineError(f"{'.'.join(steps[:number])} is no object with names; set it as a whole, as JSON.")
        place = inner
    place[last] = value
