"""`receptionist line`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from receptionist.cli.base import ID, account_option, in_account, named_values, printable, reading, text_fields
from receptionist.errors import AdminError
from receptionist.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from receptionist.contracts.channel import Channel
    from receptionist.db import AnyRow
    from receptionist.parts import Parts


@click.group()
def line() -> None:
    """Addresses on which customers write."""


@line.command("add")
@click.argument("channel")
@click.option("--title", required=True, help="What it is called in lists.")
@click.option("--address", default="", help="The number, handle or website where customers write.")
@click.option("--strategy", help="Name of the strategy that answers.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A setting of the channel; JSON or text.")
@account_option
def line_add(
    channel: str, title: str, address: str, strategy: str | None, settings: tuple[str, ...], account: str | None
) -> None:
    """Add a line on CHANNEL, such as webchat."""
    from receptionist.services import lines
    from receptionist.services.strategies import strategies

    with in_account(account) as (parts, _, scope):
        if channel not in parts.channels:
            raise AdminError(f"There is no channel {channel}; there are: {', '.join(sorted(parts.channels))}.")
        strategy_id = strategies.find(scope, strategy).id if strategy else None
        row = lines.add(
            scope,
            parts.vault,
            parts.channels[channel],
            title=title,
            address=address,
            settings=named_values(settings, text_fields(parts.channels[channel].Settings)),
            strategy_id=strategy_id,
        )
        warning = lines.shared_address(scope, parts.vault, parts.channels[channel], row.id)
    click.echo(f"Line {row.id} is there; its key is {row.key}.")
    _warn(warning)
    if channel == "webchat":
        click.echo(f'<script src="{parts.host.public_url}/webchat/widget.js" data-line="{row.key}" async></script>')
        if not parts.settings.public_url:
            click.echo("That is this machine's address; for another set PUBLIC_URL or PORT in instance/settings.env.")


@line.command("set")
@click.argument("line_id", type=ID)
@click.argument("settings", nargs=-1, required=True, metavar="NAME=VALUE...")
@account_option
def line_set(line_id: int, settings: tuple[str, ...], account: str | None) -> None:
    """Change settings of a line."""
    from receptionist.services import lines

    with in_account(account) as (parts, _, scope):
        channel = _channel(parts, lines.listed(scope), line_id)
        lines.change(scope, parts.vault, channel, line_id, named_values(settings, text_fields(channel.Settings)))
        warning = lines.shared_address(scope, parts.vault, channel, line_id)
    click.echo("Saved; the next message uses it.")
    _warn(warning)


@line.command("deactivate")
@click.argument("line_id", type=ID)
@account_option
def line_deactivate(line_id: int, account: str | None) -> None:
    """Switch a line off: nothing is taken in there, answered or sent, until it is activated."""
    from receptionist.services import lines

    with in_account(account) as (_, _, scope):
        lines.deactivate(scope, line_id)
        left = lines.unfinished(scope, line_id)
    click.echo(f"Line {line_id} is not active; vendors and pages that call it hear that there is no such line.")
    if left:
        click.echo(
            f"{counted(left, 'message')} not answered or sent there yet will be in the list of receptionist message "
            "failed, to be replayed once the line is active again."
        )


@line.command("activate")
@click.argument("line_id", type=ID)
@account_option
def line_activate(line_id: int, account: str | None) -> None:
    """Switch a line on again."""
    from receptionist.services import lines

    with in_account(account) as (parts, _, scope):
        channel = _channel(parts, lines.listed(scope), line_id)
        lines.activate(scope, parts.vault, channel, line_id)
        warning = lines.shared_address(scope, parts.vault, channel, line_id)
    click.echo(f"Line {line_id} is active. What could not be answered or sent meanwhile: receptionist message failed")
    _warn(warning)


@line.command("set-order")
@click.argument("line_id", type=ID)
@click.argument("order", type=click.Choice(["strict", "conversation"]))
@account_option
def line_set_order(line_id: int, order: str, account: str | None) -> None:
    """Answer all customers of a line one after the other (strict), or each conversation by itself."""
    from receptionist.services import lines

    with in_account(account) as (_, _, scope):
        lines.set_order(scope, line_id, strict=order == "strict")
    click.echo("Saved; the next turn keeps to it.")


@line.command("set-fallback")
@click.argument("line_id", type=ID)
@click.argument("text")
@account_option
def line_set_fallback(line_id: int, text: str, account: str | None) -> None:
    """Say TEXT to the customers of a line while no strategy may answer there."""
    from receptionist.services import lines

    with in_account(account) as (_, _, scope):
        lines.set_fallback(scope, line_id, text)
    click.echo("Saved; said from the next message on, while no strategy may answer.")


@line.command("list")
@account_option
def line_list(account: str | None) -> None:
    """List the lines, and what vendors say is wrong with them."""
    from receptionist.services import lines

    with reading(account) as (_, _, scope):
        rows = lines.listed(scope)
    for row in rows:
        notes = ["" if row.active else "not active", "strict order" if row.strict_order else ""]
        said = "".join(f"  ({note})" for note in notes if note)
        click.echo(f"{row.id:>4}  {row.channel:<10} {row.key:<18} {row.title}{said}")
        if row.trouble:
            click.echo(f"{'':>6}trouble: {printable(row.trouble)}")


@line.command("show")
@click.argument("line_id", type=ID)
@account_option
def line_show(line_id: int, account: str | None) -> None:
    """Print a line's settings and who answers there as JSON; secrets only say whether they are set."""
    from receptionist.services import lines

    with reading(account) as (parts, _, scope):
        row = _found(lines.listed(scope), line_id)
    known = parts.channels.get(row.channel)
    addresses = lines.addresses_of(known, row, parts.vault) if known else set()
    secrets = dict.fromkeys(row.secrets, "set, not shown")
    shown = {
        "channel": row.channel,
        "key": row.key,
        "title": row.title,
        "active": row.active,
        "address": ", ".join(sorted(addresses)) or row.address,
        "settings": {**row.settings, **secrets},
        "strategy": row.strategy,
        "fallback_text": row.fallback_text,
        "order": "strict" if row.strict_order else "conversation",
        "trouble": row.trouble,
    }
    click.echo(json.dumps(shown, indent=2, ensure_ascii=False))


def _warn(warning: str | None) -> None:
    if warning:
        click.echo(f"Warning: {printable(warning)}", err=True)


def _found(rows: Iterable[AnyRow], line_id: int) -> AnyRow:
    row = next((row for row in rows if row.id == line_id), None)
    if row is None:
        raise AdminError(f"There is no line {line_id}; see receptionist line list.")
    return row


def _channel(parts: Parts, rows: Iterable[AnyRow], line_id: int) -> Channel:
    name = _found(rows, line_id).channel
    if name not in parts.channels:
        raise AdminError(f"No plugin here brings the channel {name} of line {line_id}; enable one.")
    return parts.channels[name]
