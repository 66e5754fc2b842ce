"""What all commands share: the assembled parts, a transaction on one account, and the ring."""

from __future__ import annotations

import getpass
import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, get_args

import click
from pydantic import SecretStr

from receptionist.config import find_instance_path
from receptionist.errors import AdminError, ReceptionistError, Unavailable

if TYPE_CHECKING:
    from pydantic import BaseModel
    from sqlalchemy import Connection

    from receptionist.agents.factory import AgentFactory
    from receptionist.db import Database, Scope
    from receptionist.parts import Parts


MOST_TEXT = 4_000_000
"""Characters of a file that are read, and one more where there are more; no strategy is as long."""


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


LARGEST_ID = 2**63 - 1
"""What both databases take for an id."""

ID = click.IntRange(max=LARGEST_ID)
VERSION = click.IntRange(max=2**31 - 1)
"""The number of a strategy's version."""


def reason(error: ReceptionistError) -> str:
    """What is wrong, without anything a terminal would obey: it may quote a file from outside. Where the database
    cannot be used, with what it says itself."""
    said = getattr(error.__cause__, "orig", None) if isinstance(error, Unavailable) else None
    return printable(str(error) if said is None else f"{error} ({' '.join(str(said).split())})")


class Number(click.IntRange):
    """A whole number; who writes something else is told the `cure`, in which {} is what they wrote."""

    def __init__(self, cure: str, *, min: int | None = None, max: int = LARGEST_ID) -> None:
        super().__init__(min=min, max=max)
        self._cure = cure

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or click's error with the cure."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(self._cure.replace("{}", printable(str(value))), param, ctx)


def named_values(pairs: Sequence[str], texts: Collection[str] = ()) -> dict[str, Any]:
    """NAME=VALUE arguments; a value is JSON where it can be, else text. Of the names in `texts`, numbers and true or
    false are text, too. Raises `click.UsageError`."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator:
            raise click.UsageError(f"write settings as NAME=VALUE, not {pair}")
        try:
            found[name] = json.loads(value)
        except (ValueError, RecursionError):
            found[name] = value
        if name in texts and isinstance(found[name], bool | int | float):
            found[name] = value
    return found


def text_fields(kind: type[BaseModel]) -> list[str]:
    """The fields that are texts or secrets, for `named_values`."""
    return [name for name, field in kind.model_fields.items() if _is_text(field.annotation)]


def _is_text(annotation: Any) -> bool:
    kinds = get_args(annotation) or (annotation,)
    return any(getattr(kind, "__origin__", kind) in (str, SecretStr) for kind in kinds)


text_file = click.File(encoding="utf-8")
"""A file, - for standard input, to be read by `text_of`."""


def text_of(file: TextIO) -> str:
    """The text of an open file. Raises an `AdminError` for an empty one, and for what is no text."""
    try:
        text = file.read(MOST_TEXT + 1).removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    except UnicodeDecodeError as error:
        raise AdminError(f"The file {printable(file.name)} is not text; this must be a JSON file of UTF-8.") from error
    if not text.strip():
        raise AdminError(f"The file {printable(file.name)} is empty.")
    return text


def plain_json(text: str) -> Any:
    """What a JSON text says. Raises an `AdminError`."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise AdminError(f"This is not JSON: {error}.") from error


account_option = click.option("--account", help="Name of the account; not needed where there is only one.")


def assembled() -> tuple[Parts, AgentFactory]:
    """The parts of this installation, with logs of warnings only, and none of lines that cannot be used, which
    `receptionist doctor` tells in words. Raises an `AdminError`."""
    from receptionist.core import assemble
    from receptionist.log import configure

    configure("warning")
    parts, factory = assemble(find_instance_path())
    parts.directory.silent = True
    return parts, factory


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
