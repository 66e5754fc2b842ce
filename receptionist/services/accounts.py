"""Accounts: make one, find one, count its credits."""

from __future__ import annotations

import sqlalchemy as sa

from receptionist.db import AnyRow, Scope
from receptionist.errors import LineError
from receptionist.localtime import is_timezone
from receptionist.models import Account, CreditEntry, table
from receptionist.phones import is_country


def create(connection: sa.Connection, name: str, timezone: str, country: str | None = None) -> int:
    """Make an account; returns its id. `timezone` is an IANA name, `country` where phone numbers without a country
    code are from (ISO 3166-1 alpha-2). Raises `LineError`."""
    _check(timezone, country)
    if find(connection, name) is not None:
        raise LineError(f"There is already an account {name}.")
    statement = sa.insert(Account).values(name=name, timezone=timezone, country=country).returning(Account.id)
    return int(connection.execute(statement).scalar_one())


def listed(connection: sa.Connection) -> list[AnyRow]:
    """All accounts, oldest first: for the operator of the installation only."""
    return list(connection.execute(sa.select(table(Account)).order_by(Account.id)).all())


def change(scope: Scope, *, name: str | None, timezone: str | None, country: str | None = None) -> None:
    """Rename an account, or move it to another time zone or country; None leaves it. Raises `LineError`."""
    _check(timezone, country)
    if name is not None and find(scope.connection, name) not in (None, scope.account_id):
        raise LineError(f"There is already an account {name}.")
    given = {"name": name, "timezone": timezone, "country": country}
    values = {key: value for key, value in given.items() if value is not None}
    if values:
        scope.run(sa.update(Account).where(Account.id == scope.account_id).values(**values))
        touch(scope)


def country(scope: Scope) -> str | None:
    """Where numbers without a country code are from (ISO 3166-1 alpha-2), if that was said."""
    statement = sa.select(Account.country).where(Account.id == scope.account_id)
    return scope.connection.execute(statement).scalar_one_or_none()


def timezone(scope: Scope) -> str:
    """The account's zone, an IANA name."""
    statement = sa.select(Account.timezone).where(Account.id == scope.account_id)
    return str(scope.connection.execute(statement).scalar_one())


def revision(scope: Scope) -> int:
    """The account's revision as it is now, which `Directory.office` goes by."""
    statement = sa.select(Account.revision).where(Account.id == scope.account_id)
    return int(scope.connection.execute(statement).scalar_one())


def find(connection: sa.Connection, name: str | None) -> int | None:
    """The id of the account with this name; without a name, of the only one there is."""
    statement = sa.select(Account.id).order_by(Account.id).limit(2)
    if name is not None:
        statement = statement.where(Account.name == name)
    ids = list(connection.execute(statement).scalars())
    return ids[0] if len(ids) == 1 else None


def require(connection: sa.Connection, name: str | None) -> int:
    """Like `find`, but raises `LineError` naming the cure."""
    account_id = find(connection, name)
    if account_id is None:
        names = ", ".join(row.name for row in listed(connection)) or "none yet"
        which = f"There is no account {name}." if name else "Say which account: --account NAME."
        raise LineError(f"{which} There are: {names}.")
    return account_id


def touch(scope: Scope) -> None:
    """Tell every process that lines or strategies changed; part of the same transaction as the change."""
    scope.run(sa.update(Account).where(Account.id == scope.account_id).values(revision=Account.revision + 1))


def lock(scope: Scope) -> None:
    """Let others who lock or change the account wait until the end of this transaction; messages go on."""
    row = sa.select(Account.id).where(Account.id == scope.account_id).with_for_update(key_share=True)
    scope.connection.execute(row).scalar_one_or_none()


def add_credits(scope: Scope, amount: int, reason: str) -> int:
    """Add `amount` turns (the first time also starts the counting); returns the new balance."""
    statement = (
        sa.update(Account)
        .where(Account.id == scope.account_id)
        .values(credits=sa.func.coalesce(Account.credits, 0) + amount)
        .returning(Account.credits)
    )
    balance = scope.connection.execute(statement).scalar_one()
    scope.insert(CreditEntry, amount=amount, reason=reason)
    touch(scope)
    return int(balance or 0)


def stop_counting(scope: Scope) -> None:
    """Count the account's turns no more; what is left of its credits is taken back."""
    mine = Account.id == scope.account_id
    left = scope.connection.execute(sa.select(Account.credits).where(mine).with_for_update()).scalar_one()
    if left is None:
        return
    scope.run(sa.update(Account).where(mine).values(credits=None))
    if left:
        scope.insert(CreditEntry, amount=-left, reason="turns are not counted any more")
    touch(scope)


def charge_turn(scope: Scope, turn_id: int) -> bool:
    """Take one credit for a turn where turns are counted; False if there is none left."""
    charged = scope.run(
        sa.update(Account)
        .where(Account.id == scope.account_id, Account.credits >= 1)
        .values(credits=Account.credits - 1)
    )
    if charged:
        scope.insert(CreditEntry, turn_id=turn_id, amount=-1, reason="turn")
        return True
    counted = sa.select(Account.credits.is_not(None)).where(Account.id == scope.account_id)
    return not scope.connection.execute(counted).scalar_one()


def _check(timezone: str | None, country: str | None) -> None:
    if timezone is not None and not is_timezone(timezone):
        raise LineError(f"There is no time zone {timezone}; write one like Europe/Berlin.")
    if country is not None and not is_country(country):
        raise LineError(f"There is no country {country}; write its two letters in capitals, such as DE (ISO 3166-1).")
