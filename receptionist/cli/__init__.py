"""The `receptionist` program."""

from __future__ import annotations

from typing import Any

import click

from receptionist._version import VERSION
from receptionist.cards import named
from receptionist.cli import (  # noqa: F401 - more commands of lead and strategy
    lead_change,
    lead_field,
    lead_join,
    strategy_edit,
    strategy_publish,
    strategy_talk,
)
from receptionist.cli.account import account
from receptionist.cli.base import assembled, reason
from receptionist.cli.conversation import conversation
from receptionist.cli.demo import demo
from receptionist.cli.lead import lead
from receptionist.cli.lead_files import erase, erasures, export, import_, scrub
from receptionist.cli.line import line
from receptionist.cli.message import message
from receptionist.cli.process import doctor, migrate, plugins, run, web, worker
from receptionist.cli.strategy import strategy
from receptionist.cli.task import task
from receptionist.cli.template import prompt_template
from receptionist.cli.turn import turn
from receptionist.cli.usage import price
from receptionist.errors import PluginError, ReceptionistError


class _Group(click.Group):
    """Shows an `AdminError` as one line instead of a stack trace, and asks plugins for more commands."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except ReceptionistError as error:
            raise click.ClickException(reason(error)) from error
        except UnicodeEncodeError as error:
            raise click.ClickException(
                "Something here is not UTF-8 text. Type it anew in a terminal with UTF-8, such as LANG=C.UTF-8."
            ) from error

    def list_commands(self, context: click.Context) -> list[str]:
        """Ours, and those of plugins; a plugin that cannot load is shown by the command that needs it."""
        try:
            return sorted({*super().list_commands(context), *self._of_plugins()})
        except ReceptionistError:
            return super().list_commands(context)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        return super().get_command(context, name) or self._of_plugins().get(name)

    def _of_plugins(self) -> dict[str, click.Command]:
        parts, _ = assembled()
        found = named(parts.plugins.collect("register_commands", host=parts.host), click.Command)
        if ours := sorted(found.keys() & self.commands.keys()):
            raise PluginError(f"register_commands: {ours[0]} is a command of ours. Rename the plugin's.")
        return found


@click.group(cls=_Group)
@click.version_option(VERSION)
def main() -> None:
    """A self-hosted AI receptionist."""


for command in (
    run,
    web,
    worker,
    migrate,
    plugins,
    doctor,
    account,
    price,
    line,
    strategy,
    prompt_template,
    lead,
    conversation,
    message,
    task,
    turn,
    demo,
):
    main.add_command(command)

for command in (erase, erasures, scrub, import_, export):
    lead.add_command(command)
