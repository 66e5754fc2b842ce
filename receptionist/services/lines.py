"""Lines: add one, list them, keep their secrets sealed."""

from __future__ import annotations

import secrets
from typing import Any

import sqlalchemy as sa
from pydantic import SecretStr, ValidationError

from receptionist.contracts.channel import Channel, LineSettings
from receptionist.db import AnyRow, Database, Scope
from receptionist.errors import LineError
from receptionist.models import Line, Strategy, table
from receptionist.problems import problems
from receptionist.security.vault import Vault
from receptionist.services import accounts
from receptionist.services.strategies import assignment
from receptionist.text import storable

LONGEST_FALLBACK = 500


def add(
    scope: Scope,
    vault: Vault,
    channel: Channel,
    *,
    title: str,
    address: str = "",
    settings: dict[str, Any] | None = None,
    strategy_id: int | None = None,
    key: str | None = None,
) -> AnyRow:
    """Add a line; its key is made up unless given. Raises `LineError` naming each wrong setting, or if the strategy
    may not answer."""
    if strategy_id is not None:
        assignment.require_usable(scope, strategy_id)
    plain, sealed = _seal(scope, vault, channel, _validate(channel, settings or {}))
    line_id = scope.insert(
        Line,
        channel=channel.name,
        key=key or secrets.token_urlsafe(12),
        title=title,
        address=address,
        settings=plain,
        secrets=sealed,
        strategy_id=strategy_id,
    )
    accounts.touch(scope)
    return _one(scope, line_id)


def change(scope: Scope, vault: Vault, channel: Channel, line_id: int, settings: dict[str, Any]) -> None:
    """Change some settings of a line; the others, secrets too, stay as they are. Raises `LineError`."""
    row = _one(scope, line_id)
    merged = open_settings(channel, row, vault).model_dump() | settings
    plain, sealed = _seal(scope, vault, channel, _validate(channel, merged))
    scope.run(scope.update(Line).where(Line.id == line_id).values(settings=plain, secrets=sealed, trouble=None))
    accounts.touch(scope)


def listed(scope: Scope) -> list[AnyRow]:
    """All lines of the account, oldest first; `strategy` is the name of the one that answers, None without one."""
    own = sa.and_(Strategy.account_id == Line.account_id, Strategy.id == Line.strategy_id)
    columns = (*table(Line).c, Strategy.name.label("strategy"))
    return scope.all(scope.select(Line, *columns).outerjoin(Strategy, own).order_by(Line.id))


def note_trouble(scope: Scope, line_id: int, reason: str) -> None:
    """Remember what a vendor says is wrong with a line; a change of its settings clears it."""
    scope.run(scope.update(Line).where(Line.id == line_id).values(trouble=reason[:1000]))


def set_order(scope: Scope, line_id: int, *, strict: bool) -> None:
    """Whether the line's customers are answered one after the other, in the order they wrote. Raises `LineError`."""
    if not scope.run(scope.update(Line).where(Line.id == line_id).values(strict_order=strict)):
        raise LineError(f"There is no line {line_id}.")


def set_fallback(scope: Scope, line_id: int, text: str) -> None:
    """Say what customers get while no strategy may answer on the line. Raises `LineError`."""
    text = storable(text).strip()
    if not 1 <= len(text) <= LONGEST_FALLBACK:
        raise LineError(f"A fallback text has 1 to {LONGEST_FALLBACK} characters; this one has {len(text)}.")
    if not scope.run(scope.update(Line).where(Line.id == line_id).values(fallback_text=text)):
        raise LineError(f"There is no line {line_id}.")
    accounts.touch(scope)


def any_sealed(database: Database) -> bool:
    """Whether any line of the installation has sealed secrets; False for a database without tables."""
    with database.read() as connection:
        if not sa.inspect(connection).has_table(Line.__tablename__):
            return False
        return any(connection.execute(sa.select(Line.secrets)).scalars())


def open_settings(channel: Channel, row: AnyRow, vault: Vault) -> LineSettings:
    """A line's settings with its secrets opened. Raises `SettingsError` if they were sealed with another key."""
    opened = {
        name: vault.open(sealed, account_id=row.account_id, field=f"lines.{row.channel}.{name}")
        for name, sealed in row.secrets.items()
    }
    return channel.Settings.model_validate({**row.settings, **opened})


def _one(scope: Scope, line_id: int) -> AnyRow:
    row = scope.first(scope.select(Line).where(Line.id == line_id))
    if row is None:
        raise LineError(f"There is no line {line_id}.")
    return row


def _validate(channel: Channel, settings: dict[str, Any]) -> LineSettings:
    try:
        return channel.Settings.model_validate(settings)
    except ValidationError as error:
        names = ", ".join(channel.Settings.model_fields)
        raise LineError(
            f"{channel.title}: {problems(error, channel.Settings)} Settings of this channel: {names}."
        ) from None


def _seal(
    scope: Scope, vault: Vault, channel: Channel, settings: LineSettings
) -> tuple[dict[str, Any], dict[str, str]]:
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    sealed = {
        name: vault.seal(value.get_secret_value(), account_id=scope.account_id, field=f"lines.{channel.name}.{name}")
        for name, value in values.items()
        if isinstance(value, SecretStr)
    }
    return settings.model_dump(mode="json", exclude=set(sealed)), sealed
