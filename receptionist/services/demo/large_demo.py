"""The large demo: many leads and messages in an account of its own, to see how lists feel, and to measure them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from receptionist.db import Database, Scope
from receptionist.errors import LineError
from receptionist.models import Account, Base, Identity, Lead, Strategy
from receptionist.parts import Parts
from receptionist.services import accounts, lines
from receptionist.services.demo import demo
from receptionist.services.demo.demo_rows import Batch, Town, store
from receptionist.services.leads import erasure, leads
from receptionist.services.strategies import strategies
from receptionist.services.strategies.strategies import Check

ACCOUNT_NAME = "Large demo"
STRATEGY_NAME = demo.STRATEGY_NAME
BATCH = 500
"""Leads stored, or removed, in one transaction: half a second."""
BREATH = 0.15
"""The share of the time in which others may write, between two batches."""

Progress = Callable[[int, int], None]
"""Called with what is done and what is to be done, in messages or, when removing, in leads."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large the demo is; `messages` are spread over the leads, some write a lot and some a little."""

    leads: int = 100_000
    messages: int = 1_000_000

    def until(self, lead: int) -> int:
        """How many messages the leads before this one have."""
        tens, rest = divmod(lead, len(_SHARES))
        whole, part = divmod(self.leads, len(_SHARES))
        all_shares = whole * sum(_SHARES) + sum(_SHARES[:part])
        return self.messages * (tens * sum(_SHARES) + sum(_SHARES[:rest])) // max(1, all_shares)


_SHARES = (2, 4, 4, 6, 8, 8, 10, 12, 16, 30)


def seed(parts: Parts, check: Check, size: Size, progress: Progress) -> None:
    """Make the account and fill it; goes on where an earlier call was interrupted.

    Raises `LineError` if the account is there in another size, or is not the demo's."""
    with parts.database.begin() as connection:
        account_id = _find(connection)
        scope = Scope(connection, account_id if account_id is not None else _create(connection, parts, check, size))
        town = _town(scope)
        if _mark(size) != _mark_of(scope):
            raise LineError(
                f"The account {ACCOUNT_NAME} is of another size; remove it first: receptionist demo --remove"
            )
    fill(parts.database, town, size, progress)
    parts.database.analyze()


def fill(database: Database, town: Town, size: Size, progress: Progress) -> None:
    """Store the leads of the demo on this line, with all that belongs to them, behind those that are there."""
    with database.read() as connection:
        first = done = _stored(Scope(connection, town.account_id), town)
    while done < size.leads:
        begun = time.monotonic()
        batch = Batch(range(done, min(done + BATCH, size.leads)), size.until)
        with database.begin() as connection:
            store(connection, town, batch)
        if done == first:  # PostgreSQL's trigger would go on to read all leads for each message, as if they were few
            database.analyze()
        done = batch.numbers.stop
        progress(size.until(done), size.messages)
        time.sleep(BREATH * (time.monotonic() - begun))


def remove(database: Database, progress: Progress) -> bool:
    """Take the account away with all that is in it; False if there is none. Can be interrupted and called again."""
    with database.read() as connection:
        account_id = _find(connection)
        if account_id is None:
            return False
        count = sa.select(sa.func.count()).where(Lead.account_id == account_id)
        left = total = int(connection.execute(count).scalar_one())
    while left:
        begun = time.monotonic()
        with database.begin() as connection:
            scope = Scope(connection, account_id)
            ids = [row.id for row in scope.all(scope.select(Lead, Lead.id).order_by(Lead.id).limit(BATCH))]
            erasure.delete_rows(scope, ids)
        left = max(0, left - BATCH) if ids else 0
        progress(total - left, total)
        time.sleep(BREATH * (time.monotonic() - begun))
    with database.begin() as connection:
        _may_take_long(connection)
        for rows in reversed(Base.metadata.sorted_tables):
            if "account_id" in rows.c:
                connection.execute(sa.delete(rows).where(rows.c.account_id == account_id))
        connection.execute(sa.delete(Account).where(Account.id == account_id))
    return True


def _may_take_long(connection: sa.Connection) -> None:
    """PostgreSQL looks through all other tables for rows that refer to what goes."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL statement_timeout = '60s'")


def _find(connection: sa.Connection) -> int | None:
    """The demo's account. Raises `LineError` if somebody else named an account like it."""
    found = connection.execute(sa.select(Account.id).where(Account.name == ACCOUNT_NAME)).scalar()
    if found is not None and not _mark_of(Scope(connection, found)).startswith(ACCOUNT_NAME):
        raise LineError(f"The account {ACCOUNT_NAME} was not made by this command; rename it first.")
    return found


def _create(connection: sa.Connection, parts: Parts, check: Check, size: Size) -> int:
    channel = parts.channels.get("webchat")
    if channel is None:
        raise LineError("The large demo needs the plugin webchat; take it out of DISABLED_PLUGINS.")
    scope = Scope(connection, accounts.create(connection, ACCOUNT_NAME, demo.TIMEZONE, demo.COUNTRY))
    fields = demo.demo_fields()
    fields.tools = [tool for tool in fields.tools if tool in parts.tools]  # plugins may be disabled
    strategies.publish(scope, STRATEGY_NAME, fields, check)
    scope.run(scope.update(Strategy).values(description=_mark(size)))
    strategy_id = strategies.find(scope, STRATEGY_NAME).id
    lines.add(scope, parts.vault, channel, title=demo.LINE_TITLE, strategy_id=strategy_id)
    return scope.account_id


def _mark(size: Size) -> str:
    return f"{ACCOUNT_NAME}: {size.leads} leads, {size.messages} messages"


def _mark_of(scope: Scope) -> str:
    row = scope.first(scope.select(Strategy, Strategy.description).where(Strategy.name == STRATEGY_NAME))
    return str(row.description) if row is not None else ""


def _town(scope: Scope) -> Town:
    [line] = lines.listed(scope)
    return Town(scope.account_id, line.id, leads.channel_kind(line.channel), strategies.find(scope, STRATEGY_NAME).id)


def _stored(scope: Scope, town: Town) -> int:
    """How many leads are there already: their addresses are numbered."""
    own = (Identity.kind == town.kind, Identity.value.like(f"{town.address('')}%"))
    row = scope.first(scope.select(Identity, Identity.value).where(*own).order_by(Identity.value.desc()).limit(1))
    return int(row.value.removeprefix(town.address(""))) + 1 if row is not None else 0
