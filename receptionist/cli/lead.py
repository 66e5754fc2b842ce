"""`receptionist lead`: `list` and `show`; the other commands are in the modules that begin with `lead_`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from receptionist.cli.base import Number, account_option, in_account, printable, reading
from receptionist.errors import AdminError

if TYPE_CHECKING:
    from receptionist.contracts.events import Event
    from receptionist.db import Scope
    from receptionist.parts import Parts


@click.group()
def lead() -> None:
    """Customers, and what is known of them."""


lead_number = Number("{} is no number of a lead; find it with receptionist lead list --search {}")


def known_channel(parts: Parts, channel: str | None) -> None:
    """Nothing for a channel that there is, or None. Raises an `AdminError` naming those there are."""
    if channel is not None and channel not in parts.channels:
        raise AdminError(f"There is no channel {channel}; there are: {', '.join(sorted(parts.channels))}.")


@contextmanager
def changing(account: str | None) -> Iterator[tuple[Parts, Scope, list[Event]]]:
    """A transaction on the account; the events that are added are told to plugins once it is committed."""
    events: list[Event] = []
    with in_account(account) as (parts, _, scope):
        yield parts, scope, events
    for event in events:
        parts.emit(event)


@lead.command("list")
@click.option("--search", metavar="TEXT", help="Words of name, company or e-mail, or digits of the phone number.")
@click.option("--status", help="Only leads of this status.")
@click.option("--tag", help="Only leads with this tag.")
@click.option("--channel", help="Only leads who wrote on this channel, such as sms.")
@click.option("--strategy", help="Only leads that this strategy answers on every line.")
@click.option("--opted-out/--not-opted-out", default=None, help="Whether they refused messages of any channel.")
@click.option("--before", metavar="CURSOR", help="Go on where the page before ended.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@account_option
def lead_list(
    search: str | None,
    status: str | None,
    tag: str | None,
    channel: str | None,
    strategy: str | None,
    opted_out: bool | None,
    before: str | None,
    limit: int,
    account: str | None,
) -> None:
    """List leads, the last contact first; of a lead who never wrote, that is the moment it was added."""
    from receptionist.services.leads import lead_search
    from receptionist.services.strategies import strategies

    with reading(account) as (parts, _, scope):
        known_channel(parts, channel)
        page = lead_search.listed(
            scope,
            text=search,
            status=status,
            tag=tag,
            channel=channel,
            strategy_id=strategies.find(scope, strategy).id if strategy else None,
            opted_out=opted_out,
            before=before,
            limit=limit,
        )
    for row in page.rows:
        click.echo(f"{row.id:>6}  {row.recent_at:%Y-%m-%d %H:%M}  {row.status:<10}  {who(row)}")
    if not page.rows:
        click.echo("None among those looked at." if page.before else "None.")
    if page.before:
        click.echo(f"More: receptionist lead list --before {page.before} (with the same options)")


def who(row: Any) -> str:
    """A lead on one line."""
    return printable(", ".join(filter(None, (row.name, row.company, row.phone, row.email)))).replace("\n", " ") or "-"


@lead.command("show")
@click.argument("lead_id", type=lead_number)
@account_option
def lead_show(lead_id: int, account: str | None) -> None:
    """Print everything known of a lead, times in UTC."""
    from receptionist.services.leads import (
        consent,
        lead_addresses,
        lead_fields,
        lead_merge,
        lead_status,
        lead_tags,
        leads,
    )

    with reading(account) as (_, _, scope):
        row = leads.find(scope, lead_id)
        fields, tags = lead_fields.listed(scope), lead_tags.of(scope, row.id)
        identities, consents = lead_addresses.of(scope, row.id), consent.known(scope, row.id)
        history, merges = lead_status.history(scope, row.id), lead_merge.of(scope, row.id)
        strategy, conversations = _answered(scope, row)
    if row.id != lead_id:
        click.echo(f"Lead {lead_id} was merged into this one.")
    _print_values(row, fields, tags, strategy)
    for each in identities:
        click.echo(f"identity     {each.kind} {printable(each.value)}, since {each.created_at:%Y-%m-%d %H:%M}")
    for channel, each in consents.items():
        click.echo(
            f"consent      {channel}: {each.state}, {each.changed_at:%Y-%m-%d %H:%M} by {printable(each.source)}"
        )
    for each in history:
        change = f"{each.before} to {each.after}"
        click.echo(f"was          {change}, {each.created_at:%Y-%m-%d %H:%M} by {printable(each.by)}")
    for each in conversations:
        told = f"{each.id}, {printable(each.line)}, {each.state}, {each.last_message_at:%Y-%m-%d %H:%M}"
        click.echo(f"conversation {told}")
    for each in merges:
        undone = f", undone {each.undone_at:%Y-%m-%d %H:%M}" if each.undone_at else ""
        told = f"{each.id}, {each.merged_id} into {each.kept_id}, {each.created_at:%Y-%m-%d %H:%M}"
        click.echo(f"merge        {told} by {printable(each.by)}{undone}")


def _answered(scope: Scope, row: Any) -> tuple[str | None, list[Any]]:
    """The name of the strategy that answers this lead alone, and its newest conversations."""
    from receptionist.models import Strategy
    from receptionist.services.conversations import conversations

    own = scope.first(scope.select(Strategy, Strategy.name).where(Strategy.id == row.strategy_id))
    return own.name if own else None, conversations.listed(scope, lead_id=row.id)


def _print_values(row: Any, fields: list[Any], tags: list[str], strategy: str | None) -> None:
    click.echo(f"Lead {row.id}: {printable(row.name) or 'name not known'}")
    known = {
        "e-mail": row.email,
        "phone": row.phone,
        "company": row.company,
        "status": row.status,
        "tags": ", ".join(tags),
        "language": row.language,
        "time zone": row.timezone,
        "strategy": strategy,
        **{field.name: _said(row.custom.get(field.name)) for field in fields},
        "messages": _contacts(row),
        "notes": row.notes,
    }
    for name, value in known.items():
        if value:
            click.echo(f"{name:<12} {printable(value).replace(chr(10), chr(10) + ' ' * 13)}")


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _contacts(row: Any) -> str:
    if not row.interaction_count:
        return f"none; added {row.created_at:%Y-%m-%d %H:%M}"
    first, last = row.first_contact_at, row.last_contact_at
    return f"{row.interaction_count}, the first {first:%Y-%m-%d %H:%M}, the last {last:%Y-%m-%d %H:%M}"
