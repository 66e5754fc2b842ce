"""Published versions of a strategy: the newest answers, older ones are kept, and can be published again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from receptionist.contracts.strategy import StrategyFields
from receptionist.db import AnyRow, Scope, db_now
from receptionist.errors import LineError
from receptionist.models import Strategy, StrategyVersion
from receptionist.problems import problems
from receptionist.services import accounts
from receptionist.text import storable

PAGE = 50
MAX_NOTE = 500


def publish(
    scope: Scope, strategy_id: int, fields: StrategyFields, check: Callable[[StrategyFields], None], by: str, note: str
) -> int:
    """Publish `fields` as the newest version of a strategy; returns its number. A draft stays as it is.

    Raises an `AdminError` for fields that cannot work, and for those that are published already."""
    check(fields)
    row = scope.first(scope.select(Strategy).where(Strategy.id == strategy_id).with_for_update())
    if row is not None and same_as_published(scope, row, fields):
        raise LineError(f"Version {row.published_number} of {row.name} says the same already; change something first.")
    return add(scope, strategy_id, fields, by, note)


def same_as_published(scope: Scope, row: AnyRow, other: StrategyFields) -> bool:
    """Whether `other` is what the strategy of this row has published."""
    if row.published_number is None:
        return False
    try:
        return other == fields(scope, row.id, row.published_number)
    except LineError:  # that one cannot be used any more, so this is another
        return False


def add(scope: Scope, strategy_id: int, fields: StrategyFields, by: str | None, note: str) -> int:
    """Publish `fields`, already checked, as the newest version; returns its number. Raises `LineError`."""
    note = storable(note).strip()
    if len(note) > MAX_NOTE:
        raise LineError(f"A note has {MAX_NOTE} letters at most.")
    row = scope.first(scope.select(Strategy, Strategy.id).where(Strategy.id == strategy_id).with_for_update())
    if row is None:
        raise LineError(f"There is no strategy {strategy_id}.")
    newest = scope.select(StrategyVersion, sa.func.max(StrategyVersion.number))
    number = (scope.connection.execute(newest.where(StrategyVersion.strategy_id == strategy_id)).scalar() or 0) + 1
    scope.insert(
        StrategyVersion,
        strategy_id=strategy_id,
        number=number,
        fields=fields.model_dump(mode="json"),
        published_at=db_now(),
        published_by=by[:200] if by else None,
        note=note,
    )
    scope.run(
        scope.update(Strategy)
        .where(Strategy.id == strategy_id)
        .values(published_number=number, draft_revision=Strategy.draft_revision + 1)
    )
    accounts.touch(scope)
    return number


def find(scope: Scope, strategy_id: int, number: int) -> AnyRow:
    """One version. Raises `LineError` naming the newest there is."""
    of_strategy = scope.select(StrategyVersion).where(StrategyVersion.strategy_id == strategy_id)
    row = scope.first(of_strategy.where(StrategyVersion.number == number))
    if row is None:
        newest = scope.first(of_strategy.order_by(StrategyVersion.number.desc()).limit(1))
        there = f"the newest is {newest.number}" if newest else "none was published yet"
        raise LineError(f"There is no version {number}; {there}.")
    return row


def fields(scope: Scope, strategy_id: int, number: int) -> StrategyFields:
    """The fields of a version. Raises `LineError` if there is none of this number, or it cannot be used any more."""
    return stored(find(scope, strategy_id, number).fields, f"Version {number}", "Publish another one")


def stored(plain: Any, what: str, cure: str) -> StrategyFields:
    """Fields as some program stored them, perhaps an older one. Raises `LineError` naming each wrong field."""
    try:
        return StrategyFields.model_validate(plain)
    except ValidationError as error:
        wrong = problems(error, StrategyFields)
        raise LineError(f"{what} cannot be used any more: {wrong} {cure}.") from None


def history(scope: Scope, strategy_id: int, *, before: int | None = None, limit: int = PAGE) -> list[AnyRow]:
    """`number`, `published_at`, `published_by` and `note` of versions, the newest first; `before` a number for the
    next page."""
    columns = (
        StrategyVersion.number,
        StrategyVersion.published_at,
        StrategyVersion.published_by,
        StrategyVersion.note,
    )
    statement = scope.select(StrategyVersion, *columns).where(StrategyVersion.strategy_id == strategy_id)
    if before is not None:
        statement = statement.where(StrategyVersion.number < before)
    return scope.all(statement.order_by(StrategyVersion.number.desc()).limit(limit))


def roll_back(scope: Scope, strategy_id: int, number: int, check: Callable[[StrategyFields], None], by: str) -> int:
    """Publish the fields of an older version as the newest one; returns its number. A draft stays as it is.

    Raises an `AdminError` if there is no such version, what it says is published already, or it cannot work any
    more (a tool that is gone)."""
    row = scope.first(scope.select(Strategy).where(Strategy.id == strategy_id).with_for_update())
    if row is not None and row.published_number == number:
        raise LineError(f"Version {number} is the published one already.")
    found = fields(scope, strategy_id, number)
    if row is not None and same_as_published(scope, row, found):
        raise LineError(f"Version {row.published_number} is the published one, and says what version {number} says.")
    check(found)
    return add(scope, strategy_id, found, by, f"version {number} again")
