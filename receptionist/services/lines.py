"""Lines: add one, list them, keep their secrets sealed."""

from __future__ import annotations

import secrets
from typing import Any

import sqlalchemy as sa
from pydantic import SecretStr, ValidationError

from receptionist.contracts.channel import Channel, LineSettings
from receptionist.db import AnyRow, Database, Scope
from receptionist.errors import MISTAKES, LineError, PluginError
from receptionist.models import Line, Message, Strategy, table
from receptionist.models.conversations import OPEN_STATES
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
    """Add a line; its key is made up unless given. Raises `LineError` naming each wrong setting, or a strategy that may
    not answer."""
    if strategy_id is not None:
        assignment.require_usable(scope, strategy_id)
    checked = _validate(channel, _with_address(channel, address, settings or {}))
    plain, sealed = _seal(scope, vault, channel, checked)
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


def _with_address(channel: Channel, address: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with the address in its place, on a channel that has one for it, unless they say another there."""
    name = channel.address_setting
    return {name: address, **settings} if address and name else settings


def change(scope: Scope, vault: Vault, channel: Channel, line_id: int, settings: dict[str, Any]) -> None:
    """Change some settings of a line; the others, secrets too, stay as they are. Raises `LineError`."""
    row = _one(scope, line_id)
    checked = _validate(channel, _opened(row, vault) | settings)
    plain, sealed = _seal(scope, vault, channel, checked)
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


def activate(scope: Scope, vault: Vault, channel: Channel, line_id: int) -> None:
    """Let a line take messages in and answer. Raises `LineError` if its settings cannot be used."""
    _validate(channel, _opened(_one(scope, line_id), vault))
    _set_active(scope, line_id, True)


def deactivate(scope: Scope, line_id: int) -> None:
    """Take nothing in on a line, answer and send nothing there, until it is activated. Raises `LineError`."""
    _set_active(scope, line_id, False)


def _set_active(scope: Scope, line_id: int, active: bool) -> None:
    if not scope.run(scope.update(Line).where(Line.id == line_id).values(active=active)):
        raise LineError(f"There is no line {line_id}.")
    accounts.touch(scope)


def unfinished(scope: Scope, line_id: int) -> int:
    """How many messages of a line wait for an answer, or are not sent yet."""
    statement = scope.select(Message, sa.func.count()).where(
        Message.line_id == line_id,
        sa.literal_column(f"messages.state IN {OPEN_STATES}"),  # literal, so that the partial index is used
    )
    return int(scope.connection.execute(statement).scalar_one())


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
    return channel.Settings.model_validate(_opened(row, vault))


def addresses_of(channel: Channel, row: AnyRow, vault: Vault) -> set[str]:
    """The vendor's addresses of which a line takes the messages; empty while its settings cannot be used."""
    try:
        return addresses_with(channel, open_settings(channel, row, vault))
    except MISTAKES:  # doctor tells of it; another line must be set up all the same
        return set()


def addresses_with(channel: Channel, settings: LineSettings) -> set[str]:
    """The addresses of a line with these settings. Raises `PluginError` for a mistake in the channel."""
    try:
        return set(channel.addresses(settings))
    except MISTAKES as error:
        raise PluginError(f"The channel {channel.name} failed at a line's address: {type(error).__name__}.") from error


def _opened(row: AnyRow, vault: Vault) -> dict[str, Any]:
    secrets_of = {
        name: vault.open(sealed, account_id=row.account_id, field=f"lines.{row.channel}.{name}")
        for name, sealed in row.secrets.items()
    }
    return {**row.settings, **secrets_of}


def shared_address(scope: Scope, vault: Vault, channel: Channel, line_id: int) -> str | None:
    """What is wrong, and what to do, where another active line of the installation has one of a line's addresses: a
    message that is looked up would be taken in on both. None if all is well. Raises `PluginError`."""
    row = _one(scope, line_id)
    wanted = addresses_with(channel, open_settings(channel, row, vault)) if row.active else set()
    own = table(Line).c
    others = sa.select(*own).where(own.channel == channel.name, own.active, own.id != line_id).order_by(own.id)
    for other in scope.all(others) if wanted else ():
        if shared := wanted & addresses_of(channel, other, vault):
            mine = other.account_id == scope.account_id
            name = channel.address_setting
            return (
                f"{min(shared)} is the address of line {other.id} ({other.title if mine else 'of another account'}), "
                "too: a message that is looked up is taken in on both"
                + (f"; give each line its own: receptionist line set {line_id} {name}=..." if name else "")
                + (f", or: receptionist line deactivate {other.id}" if mine else "")
            )
    return None


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
