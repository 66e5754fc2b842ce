"""Strategies and their versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from receptionist.contracts.strategy import StrategyFields
from receptionist.db import AnyRow, Scope, db_now
from receptionist.errors import LineError
from receptionist.models import Line, Strategy, StrategyVersion
from receptionist.problems import problems
from receptionist.services import accounts

Check = Callable[[StrategyFields], None]
"""Raises an `AdminError` for fields that cannot work here (an unknown tool, a broken template)."""


def parse(fields: Any) -> StrategyFields:
    """Fields from JSON-like data. Raises `LineError` naming each wrong field."""
    try:
        return StrategyFields.model_validate(fields)
    except ValidationError as error:
        raise LineError(f"The strategy is not saved: {problems(error, StrategyFields)}.") from None


def is_used(scope: Scope, name: str) -> bool:
    """Whether any line answers with the strategy of this name."""
    statement = scope.select(Line, Line.id).join(Strategy, Strategy.id == Line.strategy_id).where(Strategy.name == name)
    return scope.first(statement) is not None


def publish(scope: Scope, name: str, fields: StrategyFields, check: Check) -> int:
    """Save `fields` as the newest version of the strategy `name` (made if new) and publish it; returns its number."""
    check(fields)
    row = scope.first(scope.select(Strategy).where(Strategy.name == name))
    strategy_id = row.id if row else scope.insert(Strategy, name=name)
    newest = scope.first(
        scope.select(StrategyVersion, sa.func.max(StrategyVersion.number).label("number")).where(
            StrategyVersion.strategy_id == strategy_id
        )
    )
    number = ((newest.number if newest else None) or 0) + 1
    scope.insert(
        StrategyVersion,
        strategy_id=strategy_id,
        number=number,
        fields=fields.model_dump(mode="json"),
        published_at=db_now(),
    )
    scope.run(scope.update(Strategy).where(Strategy.id == strategy_id).values(published_number=number))
    accounts.touch(scope)
    return number


def find(scope: Scope, name: str) -> AnyRow:
    """A strategy by name. Raises `LineError` naming those there are."""
    row = scope.first(scope.select(Strategy).where(Strategy.name == name))
    if row is None:
        names = ", ".join(other.name for other in listed(scope)) or "none yet"
        raise LineError(f"There is no strategy {name}; there are: {names}.")
    return row


def listed(scope: Scope) -> list[AnyRow]:
    """All strategies of the account, by name."""
    return scope.all(scope.select(Strategy).order_by(Strategy.name))


def published_fields(scope: Scope, strategy_id: int) -> StrategyFields:
    """The fields that answer now. Raises `LineError` if none is published."""
    row = scope.first(
        scope.select(StrategyVersion, StrategyVersion.fields)
        .join(
            Strategy,
            sa.and_(Strategy.account_id == StrategyVersion.account_id, Strategy.id == StrategyVersion.strategy_id),
        )
        .where(Strategy.id == strategy_id, StrategyVersion.number == Strategy.published_number)
    )
    if row is None:
        raise LineError("This strategy has no published version.")
    return StrategyFields.model_validate(row.fields)
