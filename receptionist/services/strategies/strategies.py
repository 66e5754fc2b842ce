"""Strategies as a whole: make, find, publish, rename, switch on and off, remove."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError

from receptionist.contracts.strategy import StrategyFields
from receptionist.db import AnyRow, Scope
from receptionist.errors import LineError
from receptionist.models import Conversation, Lead, Line, Strategy, StrategyVersion, Turn
from receptionist.problems import problems
from receptionist.services import accounts
from receptionist.services.strategies import strategy_versions
from receptionist.text import counted, storable

MAX_NAME = 200
MAX_DESCRIPTION = 2000

Check = Callable[[StrategyFields], None]
"""Raises an `AdminError` for fields that cannot work here (an unknown tool, a broken template)."""


def parse(fields: Any) -> StrategyFields:
    """Fields from JSON-like data. Raises `LineError` naming each wrong field."""
    try:
        return StrategyFields.model_validate(fields)
    except ValidationError as error:
        raise LineError(f"The strategy is not saved: {problems(error, StrategyFields)}") from None


def create(scope: Scope, name: str, description: str = "") -> int:
    """Make a strategy that has no version yet, so that it cannot answer; returns its id. Raises `LineError` for a name
    that is taken or cannot be used."""
    name, description = named(name), _description(description)
    _refuse_taken(scope, name)
    return scope.insert(Strategy, name=name, description=description)


def publish(
    scope: Scope, name: str, fields: StrategyFields, check: Check, by: str | None = None, note: str = ""
) -> int:
    """Save `fields` as the newest version of the strategy `name` (made if new) and publish it; returns its number.

    A draft stays as it is."""
    check(fields)
    row = scope.first(scope.select(Strategy, Strategy.id).where(Strategy.name == name))
    return strategy_versions.add(scope, row.id if row else create(scope, name), fields, by, note)


def find(scope: Scope, name: str, *, to_make: bool = False) -> AnyRow:
    """A strategy by name. Raises `LineError` naming the nearest or those there are; with `to_make`, or where there
    is none at all, also how one is made."""
    row = scope.first(scope.select(Strategy).where(Strategy.name == name))
    if row is None:
        names = [other.name for other in listed(scope)]
        close = difflib.get_close_matches(name.casefold(), [other.casefold() for other in names], 1)
        nearest = next((other for other in names if close and other.casefold() == close[0]), None)
        near = f", did you mean {nearest}?" if nearest else f"; there are: {', '.join(names) or 'none yet'}."
        cure = "All of them: receptionist strategy list"
        if to_make or not names:
            cure = f'To make it: receptionist strategy create "{name}"'
        raise LineError(f"There is no strategy {name}{near} {cure}")
    return row


def listed(scope: Scope) -> list[AnyRow]:
    """All strategies of the account, by name."""
    return scope.all(scope.select(Strategy).order_by(Strategy.name))


def published_fields(scope: Scope, strategy_id: int) -> StrategyFields:
    """The fields that answer now. Raises `LineError` if none is published."""
    row = scope.first(scope.select(Strategy, Strategy.published_number).where(Strategy.id == strategy_id))
    if row is None or row.published_number is None:
        raise LineError("This strategy has no published version.")
    return strategy_versions.fields(scope, strategy_id, row.published_number)


def rename(scope: Scope, strategy_id: int, name: str) -> None:
    """Give a strategy another name. Raises `LineError` as `create` does."""
    name = named(name)
    # its own row before the account's, as whoever publishes locks them
    scope.first(scope.select(Strategy, Strategy.id).where(Strategy.id == strategy_id).with_for_update())
    _refuse_taken(scope, name, but=strategy_id)
    _change(scope, strategy_id, name=name)


def describe(scope: Scope, strategy_id: int, description: str) -> None:
    """Say for whom or what a strategy is, for those who choose one. Raises `LineError`."""
    _change(scope, strategy_id, description=_description(description))


def set_active(scope: Scope, strategy_id: int, active: bool) -> None:
    """Let a strategy answer, or not: its customers then get the line's fallback text, and a person is told.

    Raises `LineError`."""
    _change(scope, strategy_id, active=active)


def users(scope: Scope, strategy_id: int) -> tuple[list[AnyRow], int]:
    """The lines (`id`, `title`) that answer with a strategy, and how many leads have it as their own."""
    lines = scope.all(scope.select(Line, Line.id, Line.title).where(Line.strategy_id == strategy_id).order_by(Line.id))
    leads = scope.select(Lead, sa.func.count()).where(Lead.strategy_id == strategy_id)
    return lines, int(scope.connection.execute(leads).scalar_one())


def remove(scope: Scope, strategy_id: int) -> None:
    """Delete a strategy with its versions and its draft. Raises `LineError` if anything uses it
    or a conversation names it."""
    row = scope.first(scope.select(Strategy).where(Strategy.id == strategy_id).with_for_update())
    if row is None:
        raise LineError(f"There is no strategy {strategy_id}.")
    if reason := _kept_for(scope, strategy_id):
        raise LineError(f"The strategy {row.name} is not removed: {reason}.")
    mine = StrategyVersion.account_id == scope.account_id, StrategyVersion.strategy_id == strategy_id
    try:
        with scope.connection.begin_nested():
            scope.run(sa.delete(StrategyVersion).where(*mine))
            scope.run(sa.delete(Strategy).where(Strategy.account_id == scope.account_id, Strategy.id == strategy_id))
    except IntegrityError:
        raise LineError(f"The strategy {row.name} is not removed: it was taken into use just now.") from None
    accounts.touch(scope)


def _kept_for(scope: Scope, strategy_id: int) -> str:
    lines, leads = users(scope, strategy_id)
    if lines:
        numbers = ", ".join(str(line.id) for line in lines)
        return f"it answers on line {numbers}; give the line another one first"
    if leads:
        return f"it answers {counted(leads, 'lead')} on every line; give them another one first"
    versions = scope.select(StrategyVersion, StrategyVersion.id).where(StrategyVersion.strategy_id == strategy_id)
    if scope.first(scope.select(Turn, Turn.id).where(Turn.strategy_version_id.in_(versions)).limit(1)):
        return "it has answered customers, and their conversations name it; deactivate it instead"
    archived = Conversation.archived_from_strategy_id, Conversation.archived_to_strategy_id
    naming = sa.or_(*(column == strategy_id for column in archived))
    if scope.first(scope.select(Conversation, Conversation.id).where(naming).limit(1)):
        return "conversations were archived when it was given or taken away, and name it; deactivate it instead"
    return ""


def _change(scope: Scope, strategy_id: int, **values: Any) -> None:
    if not scope.run(scope.update(Strategy).where(Strategy.id == strategy_id).values(**values)):
        raise LineError(f"There is no strategy {strategy_id}.")
    accounts.touch(scope)


def _refuse_taken(scope: Scope, name: str, but: int | None = None) -> None:
    """Raises `LineError` if a strategy has this name, whatever its capitals; until the end of the transaction no other
    one gets it."""
    accounts.lock(scope)
    for row in listed(scope):
        if row.id != but and row.name.casefold() == name.casefold():
            raise LineError(f"There is already a strategy {row.name}.")


def named(name: str) -> str:
    """A strategy's name as it is stored. Raises `LineError` for one that cannot be used."""
    name = storable(name).strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise LineError(f"A strategy's name has 1 to {MAX_NAME} letters on one line.")
    return name


def _description(description: str) -> str:
    description = storable(description).strip()
    if len(description) > MAX_DESCRIPTION:
        raise LineError(f"A description has {MAX_DESCRIPTION} letters at most.")
    return description
