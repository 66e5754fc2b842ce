"""What all commands share: the assembled parts, and a transaction on one account."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from receptionist.config import find_instance_path

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


@contextmanager
def in_account(name: str | None) -> Iterator[tuple[Parts, AgentFactory, Scope]]:
    """A writing transaction on the account of this name; without a name, on the only one."""
    from receptionist.db import Scope
    from receptionist.services import accounts

    parts, factory = assembled()
    with parts.database.begin() as connection:
        yield parts, factory, Scope(connection, accounts.require(connection, name))
