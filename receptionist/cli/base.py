"""What all commands share: the assembled parts, a transaction on one account, and the ring."""

from __future__ import annotations

import getpass
import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from receptionist.config import find_instance_path

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from receptionist.agents.factory import AgentFactory
    from receptionist.db import Database, Scope
    from receptionist.parts import Parts


def printable(text: str | None) -> str:
    """A customer's words without anything a terminal would obey."""
    return "".join(
        letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}" for letter in text or ""
    )


def operator() -> str:
    """Who runs the command, as it is kept with what they change."""
    try:
        return f"{getpass.getuser()} by command"
    except (KeyError, OSError):  # a container's user may have no name
        return "somebody by command"


def named_values(pairs: Sequence[str]) -> dict[str, Any]:
    """NAME=VALUE arguments; a value is JSON where it can be, else text. Raises `click.UsageError`."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator:
            raise click.UsageError(f"write settings as NAME=VALUE, not {pair}")
        try:
            found[name] = json.loads(value)
        except (ValueError, RecursionError):
            found[name] = value
    return found


account_option = click.option("--account", help="Name of the account; not needed where there is only one.")


def assembled() -> tuple[Parts, AgentFactory]:
    """The parts of this installation, with logs of warnings only. Raises an `AdminError`."""
    from receptionist.core import assemble
    from receptionist.log import configure

    configure("warning")
    return assemble(find_instance_path())


def ready() -> tuple[Parts, AgentFactory]:
    """The parts over a database that is up to date. Raises an `AdminError`."""
    from receptionist import migrations

    parts, factory = assembled()
    migrations.require_newest(parts.database)
    return parts, factory


@contextmanager
def in_account(name: str | None) -> Iterator[tuple[Parts, AgentFactory, Scope]]:
    """A writing transaction on the account of this name; without a name, on the only one."""
    parts, factory = ready()
    with parts.database.begin() as connection:
        yield parts, factory, _scope(connection, name)


@contextmanager
def reading(name: str | None) -> Iterator[tuple[Parts, AgentFactory, Scope]]:
    """Like `in_account`, but only to look: it waits for no writer, and none waits for it."""
    parts, factory = ready()
    with parts.database.read() as connection:
        yield parts, factory, _scope(connection, name)


def find_account(database: Database, name: str | None) -> int:
    """The id of the account of this name; without a name, of the only one. Raises `LineError`."""
    with database.read() as connection:
        return _scope(connection, name).account_id


def ring(parts: Parts, conversation_ids: Collection[int]) -> str:
    """Tell the processes that answer; returns when they begin, as the end of a sentence.

    Rings go over Redis at once, in this thread. Where there is none, or it fails, the sweep finds the work.
    """
    sweep = f"within {parts.settings.sweep_seconds:g} seconds, if it runs"
    if parts.redis is None:
        return sweep
    from receptionist.pipeline import broker

    door = broker.redis_broker(parts.redis)
    try:
        for conversation_id in sorted(set(conversation_ids)):
            broker.ring(door, conversation_id)
    except Exception as error:  # whatever Redis and its client do: all is committed already
        return f"{sweep} (Redis was not told: {type(error).__name__})"
    finally:
        door.close()
    return "at once, if it runs"


def _scope(connection: Connection, name: str | None) -> Scope:
    from receptionist.db import Scope
    from receptionist.services import accounts

    return Scope(connection, accounts.require(connection, name))
