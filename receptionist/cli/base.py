"""What all commands share: the assembled parts, and a transaction on one account."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from receptionist.config import find_instance_path
from receptionist.errors import AdminError

if TYPE_CHECKING:
    from receptionist.agents.factory import AgentFactory
    from receptionist.db import Scope
    from receptionist.parts import Parts


def printable(text: str | None) -> str:
    """A customer's words without anything a terminal would obey."""
    return "".join(
        letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}" for letter in text or ""
    )


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
    if (at := migrations.current(parts.database)) != (newest := migrations.newest()):
        state = "is empty" if at is None else f"is at revision {at}, not {newest}"
        raise AdminError(f"The database {state}; run: receptionist migrate")
    return parts, factory


@contextmanager
def in_account(name: str | None) -> Iterator[tuple[Parts, AgentFactory, Scope]]:
    """A writing transaction on the account of this name; without a name, on the only one."""
    from receptionist.db import Scope
    from receptionist.services import accounts

    parts, factory = ready()
    with parts.database.begin() as connection:
        yield parts, factory, Scope(connection, accounts.require(connection, name))
