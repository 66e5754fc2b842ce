"""The `receptionist` program."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from receptionist._version import VERSION
from receptionist.config import find_instance_path
from receptionist.errors import AdminError, ReceptionistError

if TYPE_CHECKING:
    from receptionist.agents.factory import AgentFactory
    from receptionist.db import Scope
    from receptionist.parts import Parts

account_option = click.option("--account", help="Name of the account; not needed where there is only one.")


class _Group(click.Group):
    """Shows an `AdminError` as one line instead of a stack trace, and asks plugins for more commands."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except ReceptionistError as error:
            raise click.ClickException(str(error)) from error

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        return super().get_command(context, name) or self._of_plugins().get(name)

    def _of_plugins(self) -> dict[str, click.Command]:
        parts, _ = _assemble()
        return parts.plugins.collect("register_commands", host=parts.host)


@click.group(cls=_Group)
@click.version_option(VERSION)
def main() -> None:
    """A self-hosted AI receptionist."""


def _assemble() -> tuple[Parts, AgentFactory]:
    from receptionist.core import assemble
    from receptionist.log import configure

    configure("warning")
    return assemble(find_instance_path())


@contextmanager
def _account(name: str | None) -> Iterator[tuple[Parts, AgentFactory, Scope]]:
    """A writing transaction on one account."""
    from receptionist.db import Scope
    from receptionist.services import accounts

    parts, factory = _assemble()
    with parts.database.begin() as connection:
        yield parts, factory, Scope(connection, accounts.require(connection, name))


@main.command()
def run() -> None:
    """Serve and answer in one process, with nothing else to install."""
    from receptionist.server import EmbeddedServer

    try:
        server = EmbeddedServer(find_instance_path())
    except AdminError as error:
        raise click.ClickException(str(error)) from error
    sys.argv = ["receptionist"]
    server.run()


@main.command()
def migrate() -> None:
    """Bring the database to the newest revision."""
    from receptionist import migrations
    from receptionist.config import Config, CoreSettings
    from receptionist.core import database_url
    from receptionist.db import Database

    path = find_instance_path()
    database = Database(database_url(Config(path).read(CoreSettings), path))
    migrations.upgrade(database)
    click.echo(f"The database is at revision {migrations.current(database)}.")


@main.command()
def plugins() -> None:
    """List the plugins: name, version, hooks and where they are."""
    parts, _ = _assemble()
    for plugin in parts.plugins.list():
        click.echo(f"{plugin.name:<16} {plugin.version:<10} {', '.join(plugin.hooks)}")
        click.echo(f"{'':<16} {plugin.source}")


@main.command()
def doctor() -> None:
    """Check settings, database, model key and public address; say what is wrong and how to mend it."""
    from receptionist.doctor import examine

    parts, factory = _assemble()
    troubled = False
    for finding in examine(parts, factory):
        mark = {True: "ok  ", False: "FAIL", None: "note"}[finding.good]
        click.echo(f"{mark} {finding.what}: {finding.text}")
        troubled = troubled or finding.good is False
    sys.exit(1 if troubled else 0)


@main.group()
def account() -> None:
    """Businesses on this installation."""


@account.command("add")
@click.argument("name")
@click.option("--timezone", default="UTC", show_default=True, help="IANA name, such as Europe/Berlin.")
def account_add(name: str, timezone: str) -> None:
    """Add a business."""
    from receptionist.services import accounts

    parts, _ = _assemble()
    with parts.database.begin() as connection:
        accounts.create(connection, name, timezone)
    click.echo(f"Account {name} is there. Next: receptionist strategy publish, receptionist line add.")


@account.command("credits")
@click.argument("amount", type=click.IntRange(min=1))
@account_option
def account_credits(amount: int, account: str | None) -> None:
    """Add AMOUNT turns to an account; from the first time on its turns are counted."""
    from receptionist.services import accounts

    with _account(account) as (_, _, scope):
        balance = accounts.add_credits(scope, amount, "added by the operator")
    click.echo(f"{balance} turns are left.")


@main.group()
def line() -> None:
    """Addresses on which customers write."""


@line.command("add")
@click.argument("channel")
@click.option("--title", required=True, help="What it is called in lists.")
@click.option("--address", default="", help="The number, handle or website.")
@click.option("--strategy", help="Name of the strategy that answers.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A setting of the channel; JSON or text.")
@account_option
def line_add(
    channel: str, title: str, address: str, strategy: str | None, settings: tuple[str, ...], account: str | None
) -> None:
    """Add a line on CHANNEL, such as webchat."""
    from receptionist.services import lines, strategies

    with _account(account) as (parts, _, scope):
        if channel not in parts.channels:
            raise AdminError(f"There is no channel {channel}; there are: {', '.join(sorted(parts.channels))}.")
        strategy_id = strategies.find(scope, strategy).id if strategy else None
        row = lines.add(
            scope,
            parts.vault,
            parts.channels[channel],
            title=title,
            address=address,
            settings=_pairs(settings),
            strategy_id=strategy_id,
        )
    click.echo(f"Line {row.id} is there; its key is {row.key}.")
    if channel == "webchat":
        click.echo(f'<script src="{parts.host.public_url}/webchat/widget.js" data-line="{row.key}" async></script>')


@line.command("set")
@click.argument("line_id", type=int)
@click.argument("settings", nargs=-1, required=True, metavar="NAME=VALUE...")
@account_option
def line_set(line_id: int, settings: tuple[str, ...], account: str | None) -> None:
    """Change settings of a line."""
    from receptionist.services import lines

    with _account(account) as (parts, _, scope):
        channel = next((row.channel for row in lines.listed(scope) if row.id == line_id), None)
        if channel is None:
            raise AdminError(f"There is no line {line_id}; see receptionist line list.")
        lines.change(scope, parts.vault, parts.channels[channel], line_id, _pairs(settings))
    click.echo("Saved; the next message uses it.")


@line.command("list")
@account_option
def line_list(account: str | None) -> None:
    """List the lines."""
    from receptionist.services import lines

    with _account(account) as (_, _, scope):
        for row in lines.listed(scope):
            click.echo(f"{row.id:>4}  {row.channel:<10} {row.key:<18} {row.title}")


def _pairs(settings: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in settings:
        name, separator, value = pair.partition("=")
        if not separator:
            raise click.UsageError(f"write settings as NAME=VALUE, not {pair}")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


@main.group()
def strategy() -> None:
    """Who the agent is and how it behaves."""


@strategy.command("list")
@account_option
def strategy_list(account: str | None) -> None:
    """List the strategies."""
    from receptionist.services import strategies

    with _account(account) as (_, _, scope):
        for row in strategies.listed(scope):
            click.echo(f"{row.name}  (version {row.published_number})")


@strategy.command("show")
@click.argument("name")
@account_option
def strategy_show(name: str, account: str | None) -> None:
    """Print the published version as JSON; edit it and publish it again."""
    from receptionist.services import strategies

    with _account(account) as (_, _, scope):
        fields = strategies.published_fields(scope, strategies.find(scope, name).id)
    click.echo(json.dumps(fields.model_dump(mode="json"), indent=2, ensure_ascii=False))


@strategy.command("publish")
@click.argument("name")
@click.argument("file", type=click.File(encoding="utf-8"))
@account_option
def strategy_publish(name: str, file: Any, account: str | None) -> None:
    """Check FILE (JSON, - for standard input) and publish it as the newest version of NAME."""
    from receptionist.services import strategies

    try:
        fields = json.load(file)
    except ValueError as error:
        raise AdminError(f"This is not JSON: {error}.") from error
    with _account(account) as (_, factory, scope):
        number = strategies.publish(scope, name, strategies.parse(fields), factory.check)
    click.echo(f"Version {number} of {name} is published; the next turn uses it.")


@strategy.command("use")
@click.argument("name")
@click.argument("line_id", type=int)
@account_option
def strategy_use(name: str, line_id: int, account: str | None) -> None:
    """Let line LINE_ID answer with NAME."""
    from receptionist.services import strategies

    with _account(account) as (_, _, scope):
        strategies.use_on_line(scope, strategies.find(scope, name).id, line_id)
    click.echo("Saved; the next turn uses it.")
