"""`receptionist lead add`, `set`, `tag`, `untag`, `status`, `note` and `consent`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from receptionist.cli.base import account_option, operator
from receptionist.cli.lead import changing, known_channel, lead, lead_number

if TYPE_CHECKING:
    from receptionist.services.leads.lead_values import LeadValues


@lead.command("add")
@click.argument("values", nargs=-1, required=True, metavar="NAME=VALUE...")
@account_option
def lead_add(values: tuple[str, ...], account: str | None) -> None:
    """Add a lead: name, email, phone, company, notes, status, language, timezone, tags, or custom.NAME for a field of
    your own, such as email=ada@example.org tags=vip,press."""
    from receptionist.contracts.events import LeadChanged
    from receptionist.services.leads import lead_values

    with changing(account) as (_, scope, events):
        found = lead_values.reader(scope).read(_pairs(values))
        lead_id = lead_values.create(scope, found, operator())
        events.append(LeadChanged(scope.account_id, lead_id, tuple(_pairs(values))))
    click.echo(f"Lead {lead_id} is there.{_number(found)}")


@lead.command("set")
@click.argument("lead_id", type=lead_number)
@click.argument("values", nargs=-1, required=True, metavar="NAME=VALUE...")
@account_option
def lead_set(lead_id: int, values: tuple[str, ...], account: str | None) -> None:
    """Change fields of a lead, named as in `lead add`; an empty value takes it away."""
    _change(lead_id, _pairs(values), account)


@lead.command("status")
@click.argument("lead_id", type=lead_number)
@click.argument("status")
@account_option
def lead_status(lead_id: int, status: str, account: str | None) -> None:
    """Give a lead another STATUS: new, contacted, qualified, customer or lost."""
    _change(lead_id, {"status": status}, account)


def _change(lead_id: int, given: dict[str, str], account: str | None) -> None:
    from receptionist.contracts.events import LeadChanged
    from receptionist.services.leads import lead_values

    with changing(account) as (_, scope, events):
        found = lead_values.reader(scope).read(given)
        changed = lead_values.update(scope, lead_id, found, operator())
        if changed:
            events.append(LeadChanged(scope.account_id, lead_id, changed))
    click.echo(("Saved; the next turn knows it." if changed else "It was so already.") + _number(found))


def _number(values: LeadValues) -> str:
    """The phone number as it was read: a wrong country of the account is seen here first."""
    number = values.columns.get("phone")
    return f" The phone number is {number}." if number else ""


@lead.command("tag")
@click.argument("lead_id", type=lead_number)
@click.argument("tags", nargs=-1, required=True)
@account_option
def lead_tag(lead_id: int, tags: tuple[str, ...], account: str | None) -> None:
    """Give a lead more TAGS."""
    _tag(lead_id, tags, (), account)


@lead.command("untag")
@click.argument("lead_id", type=lead_number)
@click.argument("tags", nargs=-1, required=True)
@account_option
def lead_untag(lead_id: int, tags: tuple[str, ...], account: str | None) -> None:
    """Take TAGS from a lead."""
    _tag(lead_id, (), tags, account)


def _tag(lead_id: int, more: tuple[str, ...], less: tuple[str, ...], account: str | None) -> None:
    from receptionist.contracts.events import LeadChanged
    from receptionist.services.leads import lead_values

    with changing(account) as (_, scope, events):
        changed = lead_values.tag(scope, lead_id, more, less)
        if changed:
            events.append(LeadChanged(scope.account_id, lead_id, ("tags",)))
    click.echo("Saved; the next turn knows it." if changed else "It was so already.")


@lead.command("note")
@click.argument("lead_id", type=lead_number)
@click.argument("text")
@account_option
def lead_note(lead_id: int, text: str, account: str | None) -> None:
    """Write TEXT below the notes on a lead."""
    from receptionist.contracts.events import LeadChanged
    from receptionist.services.leads import lead_values

    with changing(account) as (_, scope, events):
        lead_values.add_note(scope, lead_id, text)
        events.append(LeadChanged(scope.account_id, lead_id, ("notes",)))
    click.echo("Saved; the next turn knows it.")


@lead.command("consent")
@click.argument("lead_id", type=lead_number)
@click.argument("channel")
@click.argument("state", type=click.Choice(["granted", "refused"]))
@account_option
def lead_consent(lead_id: int, channel: str, state: str, account: str | None) -> None:
    """Say that a lead agreed to messages on CHANNEL, or refused them: then none is sent."""
    from receptionist.contracts.events import ConsentChanged

    with changing(account) as (parts, scope, events):
        known_channel(parts, channel)
        change = parts.consents.grant if state == "granted" else parts.consents.refuse
        changed = change(scope, lead_id, channel, operator())
        if changed:
            events.append(ConsentChanged(scope.account_id, lead_id, channel, state == "refused"))
    click.echo("Saved." if changed else "It was so already.")


def _pairs(values: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in values:
        name, separator, value = pair.partition("=")
        if not separator:
            raise click.UsageError(f"write values as NAME=VALUE, not {pair}")
        found[name] = value
    return found
